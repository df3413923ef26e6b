"""``manage.py worker_grants ROLE``: print the SQL for the worker's own database role."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from detection.worker_grants import statements


class Command(BaseCommand):
    help = (
        "Prints PostgreSQL GRANT statements for the inference worker: it stores results and "
        "cannot change evidence. Run after each migration: manage.py worker_grants ROLE | psql"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="an existing login role without rights of its own")

    def handle(self, *_: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles. Set DATABASE_URL to a PostgreSQL database.")
        try:
            for statement in statements(options["role"], connection.introspection.table_names()):
                self.stdout.write(f"{statement};")
        except ValueError as error:
            raise CommandError(str(error)) from error
