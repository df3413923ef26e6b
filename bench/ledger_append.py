"""How many entries per second do concurrent writers append to one chain?

    DATABASE_URL=postgresql://user@host/empty_database python bench/ledger_append.py

Migrates the database, lets ``--writers`` threads append ``--entries`` entries in all, each in its
own transaction and all on one case chain, verifies the ledger and prints one JSON line: the rate,
the processor time of this process per entry, and the load of the machine, which the rate depends
on. Exit code 1 when the ledger does not verify.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dfd_platform.settings")
# Its own folder: checkpoint copies of another database there would be reported as problems.
SCRATCH = tempfile.TemporaryDirectory(prefix="ledger-append-")
os.environ["DFD_DATA_DIR"] = SCRATCH.name

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from accounts.actors import worker_actor  # noqa: E402
from audit.actions import Action  # noqa: E402
from audit.models import AuditEvent  # noqa: E402
from audit.services import append  # noqa: E402
from audit.transactions import audited  # noqa: E402
from audit.verification import verify_all  # noqa: E402


def write(name: str, case_id: uuid.UUID, entries: int, start: threading.Barrier) -> None:
    """Append ``entries`` entries, one transaction each, when everybody is ready."""
    actor = worker_actor(name)
    connection.ensure_connection()
    start.wait()
    for number in range(entries):
        with audited():
            append(
                actor=actor,
                action=Action.EVIDENCE_VERIFIED,
                subject=f"bench:{number}",
                case_id=case_id,
                payload={"sha256": "0" * 64, "number": number},
            )
    connection.close()


def measure(writers: int, entries: int) -> dict[str, object]:
    """Run the writers; the figures and the outcome of the verification."""
    case_id = uuid.uuid4()
    each = entries // writers
    start = threading.Barrier(writers + 1)
    threads = [
        threading.Thread(target=write, args=(f"writer-{n}", case_id, each, start))
        for n in range(writers)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    began, computed = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    seconds, computed = time.perf_counter() - began, time.process_time() - computed
    written = AuditEvent.objects.filter(case_id=case_id).count()
    report = verify_all()
    return {
        "database": connection.vendor,
        "writers": writers,
        "entries": written,
        "expected": each * writers,
        "seconds": round(seconds, 3),
        "entries_per_second": round(written / seconds, 1),
        "cpu_ms_per_entry": round(1000 * computed / written, 2),
        "load_average_1_min": round(os.getloadavg()[0], 1),
        "problems": [problem.message for problem in report.problems],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--entries", type=int, default=3200)
    arguments = parser.parse_args()
    call_command("migrate", verbosity=0)
    outcome = measure(arguments.writers, arguments.entries)
    print(json.dumps(outcome))
    return 0 if not outcome["problems"] and outcome["entries"] == outcome["expected"] else 1


if __name__ == "__main__":
    sys.exit(main())
