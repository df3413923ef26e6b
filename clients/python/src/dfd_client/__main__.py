"""``python -m dfd_client`` is ``dfd``."""

import sys

from dfd_client.cli import main

sys.exit(main())
