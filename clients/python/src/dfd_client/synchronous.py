"""The client that waits."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from dfd_client import operations
from dfd_client.calls import API, Call, Pause, Result, Steps
from dfd_client.downloads import Arriving
from dfd_client.errors import Conflict, Unreachable, error_of
from dfd_client.types import (
    Analysis,
    AskedReview,
    Case,
    Exhibit,
    Export,
    Finding,
    Review,
    Webhook,
)
from dfd_client.uploads import Progress, upload

TIMEOUT_S = 120.0


class Client:
    """The platform at ``url`` with an API key; use it as ``with``, or ``close()`` it."""

    def __init__(self, url: str, key: str, *, timeout_s: float = TIMEOUT_S, **options: Any) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            **options,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def run(self, steps: Steps[Result]) -> Result:
        """Do what an operation asks for, step by step."""
        answer: httpx.Response | None = None
        broken: Unreachable | None = None
        while True:
            try:
                request = steps.send(answer) if broken is None else steps.throw(broken)
            except StopIteration as end:
                result: Result = end.value
                return result
            answer, broken = None, None
            if isinstance(request, Pause):
                time.sleep(request.seconds)
                continue
            try:
                answer = self._send(request)
            except httpx.TransportError as error:
                broken = Unreachable(f"{type(error).__name__}: {error}")

    def _send(self, call: Call) -> httpx.Response:
        return self._http.request(
            call.method,
            call.path,
            params=call.params,
            json=call.json,
            content=call.content,
            headers=dict(call.headers),
        )

    def me(self) -> dict[str, Any]:
        """Who the key is, what it may do and what is left of its quotas."""
        return self.run(operations.me())

    def cases(self, **filters: Any) -> list[Case]:
        """Every case that the key may see."""
        return self.run(operations.cases(**filters))

    def case(self, name: str) -> Case:
        """One case by id or number."""
        return self.run(operations.case(name))

    def create_case(self, title: str, description: str = "") -> Case:
        """Open a case."""
        return self.run(operations.create_case(title, description))

    def exhibits(self, case_id: str) -> list[Exhibit]:
        """The exhibits of a case."""
        return self.run(operations.exhibits(case_id))

    def exhibit(self, exhibit_id: str) -> Exhibit:
        """One exhibit."""
        return self.run(operations.exhibit(exhibit_id))

    def analyse(
        self, exhibit_id: str, profile: str = "standard", parameters: dict[str, Any] | None = None
    ) -> Analysis:
        """Queue an analysis."""
        return self.run(operations.analyse(exhibit_id, profile, parameters))

    def analyses(self, **filters: Any) -> list[Analysis]:
        """Analyses; filters such as ``case`` and ``status``."""
        return self.run(operations.analyses(**filters))

    def analysis(self, analysis_id: str) -> Analysis:
        """One analysis as it stands now."""
        return self.run(operations.analysis(analysis_id))

    def cancel(self, analysis_id: str) -> Analysis:
        """Stop an analysis."""
        return self.run(operations.cancel(analysis_id))

    def wait(self, analysis_id: str, timeout_s: float = 3600.0, every_s: float = 1.0) -> Analysis:
        """The analysis once it is final; WaitedTooLong otherwise."""
        return self.run(operations.wait_for_analysis(analysis_id, timeout_s, every_s))

    def finding(self, analysis_id: str) -> Finding:
        """What the machine found."""
        return self.run(operations.finding(analysis_id))

    def reviews(self, analysis_id: str) -> list[Review]:
        """What people said to an analysis, oldest first."""
        return self.run(operations.reviews(analysis_id))

    def review_requests(self, **filters: Any) -> list[AskedReview]:
        """Who is asked for a review; filters such as ``case`` and ``answered="false"``."""
        return self.run(operations.review_requests(**filters))

    def artefacts(self, analysis_id: str) -> list[dict[str, Any]]:
        """The derived files of an analysis."""
        return self.run(operations.artefacts(analysis_id))

    def ledger(self, case_id: str) -> list[dict[str, Any]]:
        """The ledger entries of a case."""
        return self.run(operations.ledger(case_id))

    def order_report(self, analysis_id: str, form: str = "pdf") -> Export:
        """Order a report (``pdf`` or ``html``)."""
        return self.run(operations.order_report(analysis_id, form))

    def order_bundle(
        self, case_id: str, purpose: str = "disclosure", redactions: list[str] | None = None
    ) -> Export:
        """Order an evidence bundle of a case."""
        return self.run(operations.order_bundle(case_id, purpose, redactions or []))

    def wait_for_export(
        self, export_id: str, timeout_s: float = 3600.0, every_s: float = 1.0
    ) -> Export:
        """The export once it is ready or failed; WaitedTooLong otherwise."""
        return self.run(operations.wait_for_export(export_id, timeout_s, every_s))

    def create_webhook(self, url: str, events: list[str], case_id: str | None = None) -> Webhook:
        """Set up a web hook; the answer holds its secret this once."""
        return self.run(operations.create_webhook(url, events, case_id))

    def upload(
        self,
        path: str | Path,
        case_id: str,
        *,
        acquisition: dict[str, str] | None = None,
        progress: Progress | None = None,
        state: Path | None = None,
    ) -> Exhibit:
        """Send a file into evidence, resumable (see ``uploads``); ``progress(sent, total)``."""
        steps = upload(path, case_id, acquisition=acquisition, progress=progress, state=state)
        return self.run(steps)

    def download_exhibit(self, exhibit_id: str, target: Path, purpose: str) -> Path:
        """The original bytes, compared with the exhibit's hash; recorded in its custody."""
        known = self.exhibit(exhibit_id)
        path = f"/evidence/{exhibit_id}/content"
        return self._download(path, target, known["sha256"], params={"purpose": purpose})

    def download_artefact(self, artefact: dict[str, Any], target: Path) -> Path:
        """A derived file of ``artefacts``, compared with its hash."""
        path = f"/artefacts/{artefact['id']}/content"
        return self._download(path, target, artefact["sha256"])

    def download_export(self, export_id: str, target: Path) -> Path:
        """A report or bundle that is ready, compared with its hash."""
        known = self.run(operations.export(export_id))
        if known["sha256"] is None:
            problem = {"code": known["error_code"] or "not_ready", "detail": known["error_message"]}
            raise Conflict(409, problem, None)
        return self._download(f"/exports/{export_id}/content", target, known["sha256"])

    def _download(self, path: str, target: Path, sha256: str, **options: Any) -> Path:
        # Compressed on the way it would not be the bytes that were hashed.
        headers = {"Accept-Encoding": "identity"}
        try:
            with self._http.stream("GET", API + path, headers=headers, **options) as response:
                if response.status_code >= 400:
                    response.read()
                    raise error_of(response)
                with Arriving(target, sha256) as file:
                    for chunk in response.iter_raw():
                        file.write(chunk)
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        return target
