#!/usr/bin/env python
"""Django's command line; ``manage.py up`` starts the whole platform."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dfd_platform.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"dfd: configuration error: {error}")


if __name__ == "__main__":
    main()
