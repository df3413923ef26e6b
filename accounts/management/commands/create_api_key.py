"""``manage.py create_api_key USERNAME``: an API key for scripts, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.actors import system_actor
from accounts.errors import KeyRequestRefused
from accounts.models import User
from accounts.scopes import Scope
from accounts.services import create_api_key


class Command(BaseCommand):
    help = "Create an API key for a person and print it; it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--days", type=int, default=90, help="until it expires (90)")
        parser.add_argument("--quota-bytes", type=int, help="bytes of evidence a day")
        parser.add_argument("--quota-analyses", type=int, help="analyses a day")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            choices=[scope.value for scope in Scope],
            help="may be repeated; every scope when left out",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        owner = User.objects.filter(username=options["username"], is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active person called {options['username']!r}.")
        try:
            _key, plaintext = create_api_key(
                actor=system_actor("create_api_key"),
                owner=owner,
                name=options["name"],
                scopes=options["scopes"] or [scope.value for scope in Scope],
                expires_at=timezone.now() + timedelta(days=options["days"]),
                quota_bytes=options["quota_bytes"],
                quota_analyses=options["quota_analyses"],
            )
        except KeyRequestRefused as error:
            raise CommandError(error.message) from error
        self.stdout.write(plaintext)
