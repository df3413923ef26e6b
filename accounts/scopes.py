"""What an API key may do. A signed-in person is limited by roles, not by scopes."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission of an API key; names are ``object:verb``."""

    CASE_READ = "case:read"
    CASE_WRITE = "case:write"
    EVIDENCE_READ = "evidence:read"
    EVIDENCE_WRITE = "evidence:write"
    ANALYSIS_RUN = "analysis:run"
    ANALYSIS_READ = "analysis:read"
    EXPORT_CREATE = "export:create"
    AUDIT_READ = "audit:read"
