"""``manage.py ensure_admin``: the first administrator of a new site."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand

from accounts.actors import system_actor
from accounts.services import ensure_administrator


class Command(BaseCommand):
    help = (
        "Create the first administrator, named DFD_ADMIN_NAME (default: admin) with "
        "DFD_ADMIN_PASSWORD, else a generated password that is printed once. "
        "Does nothing when the site has an administrator."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        username = os.environ.get("DFD_ADMIN_NAME", "admin")
        given = os.environ.get("DFD_ADMIN_PASSWORD", "")
        password = given or secrets.token_urlsafe(15)
        created = ensure_administrator(
            actor=system_actor("ensure_admin"), username=username, password=password
        )
        if created and given:
            self.stdout.write(f"Administrator {username} created with the given password.")
        elif created:
            self.stdout.write(
                f"Administrator {username} created. Password, shown only now: {password}"
            )
