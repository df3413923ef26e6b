"""How long does the server need for each page of a large register?

    DATABASE_URL=postgresql://user@host/empty_database REDIS_URL=redis://127.0.0.1:6379/9 \\
        python bench/page_speed.py [--cases 100000] [--repeat 20] > docs/page-speed.md

Migrates the database, writes the register (``--keep`` measures on the one that is there), asks for
each page ``--repeat`` times through the whole stack of middleware, and prints a table: median and
95th percentile of the server's time, number of queries, size. Besides the time on the clock it
tells the processor's time of both sides, this process and the database's, which other work on the
machine does not touch: that is what the budget is for. The database must run on this machine,
readable for the caller. Exit code 1 when a page is over its budget.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dfd_platform.settings")
# Keys, evidence and collected files of the bench are thrown away with this folder.
SCRATCH = tempfile.TemporaryDirectory(prefix="dfd-bench-")
os.environ.update(
    DFD_ENV_FILE="",
    DFD_DATA_DIR=f"{SCRATCH.name}/var",
    DFD_STATIC_ROOT=f"{SCRATCH.name}/static",
    DFD_LOG_LEVEL="ERROR",
    DFD_LOG_FORMAT="console",
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.actors import user_actor  # noqa: E402
from accounts.models import User  # noqa: E402
from bench.register import fill  # noqa: E402
from cases import services as case_services  # noqa: E402
from cases.models import Case, Exhibit  # noqa: E402
from detection import services  # noqa: E402
from detection.models import Analysis  # noqa: E402
from tests.web import media  # noqa: E402
from tests.web.addresses import pages_of_a_case, pages_of_everybody  # noqa: E402
from tests.web.sample import sample_outcome  # noqa: E402

BUDGET_MS = 300
WRITES = ("INSERT", "UPDATE", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
HEADER = (
    "| who | page | processor ms, median | p95 | clock ms, median | p95 | reads | statements | kB |"
    "\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Page:
    """One page as one person sees it; times in milliseconds over all repeats, size in bytes."""

    who: str
    name: str
    processor: list[float]
    clock: list[float]
    reads: int
    statements: int
    size: int

    def row(self) -> str:
        times = [
            f"{value:.0f}"
            for series in (self.processor, self.clock)
            for value in (median(series), p95(series))
        ]
        counts = [str(self.reads), str(self.statements), f"{self.size / 1000:.0f}"]
        return f"| {' | '.join([self.who, self.name, *times, *counts])} |"


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(times, n=20, method="inclusive")[-1]


class Stopwatch:
    """Milliseconds on the clock and on the processor, here and in the database's process."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            # A helper process of a parallel query would not be seen.
            cursor.execute("SET max_parallel_workers_per_gather = 0")
            cursor.execute("SELECT pg_backend_pid()")
            self.backend = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def lap(self, work: Callable[[], object]) -> tuple[float, float]:
        """(processor, clock) of ``work``."""
        start, here, there = time.perf_counter(), time.process_time_ns(), self._there()
        work()
        clock = 1000 * (time.perf_counter() - start)
        spent = time.process_time_ns() - here + self._there() - there
        return spent / 1e6, clock

    def _there(self) -> int:
        return int(self.backend.read_text().split()[0])


def examined_case(manager: User, folder: Path) -> Analysis:
    """A case with three stored recordings, all analysed, as the services leave it."""
    actor = user_actor(manager)
    case = case_services.create_case(actor=actor, title="Voice message to the bank")
    case_services.add_note(actor=actor, case=case, text="The bank **called** again.")
    runs = []
    for path in media.recordings(folder).values():
        with path.open("rb") as stream:
            exhibit = case_services.receive_evidence(
                actor=actor, case=case, stream=stream, filename=path.name
            )
        for _ in range(2):
            run = services.submit_analysis(actor=actor, exhibit=exhibit)
            claimed = services.claim_analysis(str(run.pk), "bench")
            assert claimed is not None
            services.store_result(analysis=claimed, outcome=sample_outcome(exhibit))
        runs.append(Analysis.objects.get(pk=run.pk))
    return runs[-1]


def seed(cases: int) -> None:
    """The people, the register and one case with stored recordings."""
    manager = User.objects.create_user("lena")
    User.objects.create_user("otto", site_role="auditor")
    User.objects.create_superuser("ada", site_role="administrator")
    outcome = sample_outcome(Exhibit(name="call.mp4", size=1, sha256="0" * 64, kind="video"))
    fill(cases=cases, manager=manager, result=outcome.result.to_dict())
    examined_case(manager, Path(SCRATCH.name) / "media")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def pages() -> dict[str, dict[str, str]]:
    """Addresses by person and name: a manager of every case, an auditor, an administrator."""
    run = Analysis.objects.filter(exhibit__case__title="Voice message to the bank").latest(
        "created_at"
    )
    big = Case.objects.get(number__endswith="-000001", last_exhibit_number__gt=1)
    inside = {**pages_of_everybody(), **pages_of_a_case(run)}
    of_the_big_case = {
        f"{name}, 2,001 exhibits": f"/cases/{big.number}/{part}"
        for name, part in {
            "evidence": "",
            "analyses": "analyses/",
            "custody": "custody/",
            "ledger": "ledger/",
            "notes": "notes/",
        }.items()
    }
    wide = {
        "cases, last page": "/cases/?page=2000",
        "cases by title": "/cases/?sort=title",
        "cases, rare word": "/cases/?q=file+77777",
        "cases, common word": "/cases/?q=bank",
        "search, rare word": "/search/?q=recording-77777",
        "search, common word": "/search/?q=voice",
        "search, nothing found": "/search/?q=zzzzzz",
    }
    admin = {
        f"admin {name}": f"/admin/{name}/"
        for name in ("cases/case", "cases/exhibit", "detection/analysis", "audit/auditevent")
    }
    return {
        "manager": inside | of_the_big_case | wide,
        "auditor": inside | wide,
        "administrator": admin,
    }


def measure(client: Client, who: str, name: str, address: str, repeat: int) -> Page:
    """One page, asked for once to warm up and then ``repeat`` times."""
    answer = client.get(address)
    assert answer.status_code == 200, f"{who}: {address} answers {answer.status_code}"
    watch = Stopwatch()
    laps = [watch.lap(lambda: client.get(address)) for _ in range(repeat)]
    processor, clock = (list(series) for series in zip(*laps, strict=True))
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    statements = [str(query["sql"]) for query in queries.captured_queries]
    reads = [
        sql for sql in statements if not sql.startswith(WRITES) and "audit_chainhead" not in sql
    ]
    return Page(who, name, processor, clock, len(reads), len(statements), len(answer.content))


def describe(repeat: int) -> str:
    """The first lines of the report: how much there is, and where it was measured."""
    counts = ", ".join(
        f"{model.objects.count():,} {words}"
        for model, words in ((Case, "cases"), (Exhibit, "exhibits"), (Analysis, "analyses"))
    )
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return (
        f"{counts} on PostgreSQL {version.split()[0]}; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Django {django.__version__}; {repeat} requests for "
        "each page after one to warm up, one at a time, through the whole stack of middleware. "
        "“Reads” leaves out what a view of evidence writes to the ledger.\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--keep", action="store_true", help="measure on the register of before")
    parser.add_argument("--only", default="", help="pages whose name holds this text")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if not options.keep:
        seed(options.cases)
    measured = []
    print(describe(options.repeat))
    print(HEADER)
    for who, name in (("manager", "lena"), ("auditor", "otto"), ("administrator", "ada")):
        client = Client(SERVER_NAME="localhost")
        client.force_login(
            User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend"
        )
        for title, address in pages()[who].items():
            if options.only in title:
                measured.append(measure(client, who, title, address, options.repeat))
                print(measured[-1].row(), flush=True)
    late = [page for page in measured if p95(page.processor) > BUDGET_MS]
    print(f"\n{len(measured)} pages, {len(late)} over {BUDGET_MS} ms at the 95th percentile")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
