"""What the inference worker may do in PostgreSQL: store results, never touch evidence.

The worker connects with a role of its own; the statements below give it that and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator

INSERTS = (
    "audit_absorbedhead",
    "audit_auditevent",
    "audit_chainhead",
    "audit_checkpoint",
    "audit_stamprequest",
    "cases_custodyevent",
    "detection_artefact",
    "detection_finding",
    "detection_modelversion",
    "detection_notification",
    # What the worker finishes or fails is told to others; by whom and to whom is not its business.
    "webhooks_event",
)
UPDATES = {
    "audit_absorbedhead": (),
    "audit_chainhead": (),
    "detection_analysis": (),
    # A hash that no longer matches freezes the exhibit; nothing else of it may change.
    "cases_exhibit": ("state", "state_reason", "last_verified_at"),
}
# Sign-in belongs to the web processes: the worker reads neither passwords nor key digests.
PEOPLE = {
    "accounts_user": ("id", "username", "email", "site_role", "is_active"),
    "accounts_apikey": ("id", "owner_id", "name", "key_id"),
}
READS = ("accounts", "audit", "cases", "detection", "webhooks")


def statements(role: str, tables: list[str]) -> Iterator[str]:
    """GRANT statements for ``role``; ``tables`` are the names of all tables of the platform.

    Raises ValueError for a role name that would need quoting.
    """
    if not role.isidentifier():
        raise ValueError(f"{role!r} is not a plain role name (letters, digits, underscore)")
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    for table in tables:
        if table not in PEOPLE and table.split("_")[0] in READS:
            yield f"GRANT SELECT ON {table} TO {role}"
    for table, columns in PEOPLE.items():
        yield f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {role}"
    for table in INSERTS:
        yield f"GRANT INSERT ON {table} TO {role}"
    for table, columns in UPDATES.items():
        only = f" ({', '.join(columns)})" if columns else ""
        yield f"GRANT UPDATE{only} ON {table} TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
