"""The client that is awaited."""

from __future__ import annotations

import asyncio
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


class AsyncClient:
    """The platform at ``url`` with an API key; use it as ``async with``, or ``await close()``."""

    def __init__(self, url: str, key: str, *, timeout_s: float = TIMEOUT_S, **options: Any) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            **options,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self, steps: Steps[Result]) -> Result:
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
                await asyncio.sleep(request.seconds)
                continue
            try:
                answer = await self._send(request)
            except httpx.TransportError as error:
                broken = Unreachable(f"{type(error).__name__}: {error}")

    async def _send(self, call: Call) -> httpx.Response:
        return await self._http.request(
            call.method,
            call.path,
            params=call.params,
            json=call.json,
            content=call.content,
            headers=dict(call.headers),
        )

    async def me(self) -> dict[str, Any]:
        """Who the key is, what it may do and what is left of its quotas."""
        return await self.run(operations.me())

    async def cases(self, **filters: Any) -> list[Case]:
        """Every case that the key may see."""
        return await self.run(operations.cases(**filters))

    async def case(self, name: str) -> Case:
        """One case by id or number."""
        return await self.run(operations.case(name))

    async def create_case(self, title: str, description: str = "") -> Case:
        """Open a case."""
        return await self.run(operations.create_case(title, description))

    async def exhibits(self, case_id: str) -> list[Exhibit]:
        """The exhibits of a case."""
        return await self.run(operations.exhibits(case_id))

    async def exhibit(self, exhibit_id: str) -> Exhibit:
        """One exhibit."""
        return await self.run(operations.exhibit(exhibit_id))

    async def analyse(
        self, exhibit_id: str, profile: str = "standard", parameters: dict[str, Any] | None = None
    ) -> Analysis:
        """Queue an analysis."""
        return await self.run(operations.analyse(exhibit_id, profile, parameters))

    async def analyses(self, **filters: Any) -> list[Analysis]:
        """Analyses; filters such as ``case`` and ``status``."""
        return await self.run(operations.analyses(**filters))

    async def analysis(self, analysis_id: str) -> Analysis:
        """One analysis as it stands now."""
        return await self.run(operations.analysis(analysis_id))

    async def cancel(self, analysis_id: str) -> Analysis:
        """Stop an analysis."""
        return await self.run(operations.cancel(analysis_id))

    async def wait(
        self, analysis_id: str, timeout_s: float = 3600.0, every_s: float = 1.0
    ) -> Analysis:
        """The analysis once it is final; WaitedTooLong otherwise."""
        return await self.run(operations.wait_for_analysis(analysis_id, timeout_s, every_s))

    async def finding(self, analysis_id: str) -> Finding:
        """What the machine found."""
        return await self.run(operations.finding(analysis_id))

    async def reviews(self, analysis_id: str) -> list[Review]:
        """What people said to an analysis, oldest first."""
        return await self.run(operations.reviews(analysis_id))

    async def review_requests(self, **filters: Any) -> list[AskedReview]:
        """Who is asked for a review; filters such as ``case`` and ``answered="false"``."""
        return await self.run(operations.review_requests(**filters))

    async def artefacts(self, analysis_id: str) -> list[dict[str, Any]]:
        """The derived files of an analysis."""
        return await self.run(operations.artefacts(analysis_id))

    async def ledger(self, case_id: str) -> list[dict[str, Any]]:
        """The ledger entries of a case."""
        return await self.run(operations.ledger(case_id))

    async def order_report(self, analysis_id: str, form: str = "pdf") -> Export:
        """Order a report (``pdf`` or ``html``)."""
        return await self.run(operations.order_report(analysis_id, form))

    async def order_bundle(
        self, case_id: str, purpose: str = "disclosure", redactions: list[str] | None = None
    ) -> Export:
        """Order an evidence bundle of a case."""
        return await self.run(operations.order_bundle(case_id, purpose, redactions or []))

    async def wait_for_export(
        self, export_id: str, timeout_s: float = 3600.0, every_s: float = 1.0
    ) -> Export:
        """The export once it is ready or failed; WaitedTooLong otherwise."""
        return await self.run(operations.wait_for_export(export_id, timeout_s, every_s))

    async def create_webhook(
        self, url: str, events: list[str], case_id: str | None = None
    ) -> Webhook:
        """Set up a web hook; the answer holds its secret this once."""
        return await self.run(operations.create_webhook(url, events, case_id))

    async def upload(
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
        return await self.run(steps)

    async def download_exhibit(self, exhibit_id: str, target: Path, purpose: str) -> Path:
        """The original bytes, compared with the exhibit's hash; recorded in its custody."""
        known = await self.exhibit(exhibit_id)
        path = f"/evidence/{exhibit_id}/content"
        return await self._download(path, target, known["sha256"], params={"purpose": purpose})

    async def download_artefact(self, artefact: dict[str, Any], target: Path) -> Path:
        """A derived file of ``artefacts``, compared with its hash."""
        path = f"/artefacts/{artefact['id']}/content"
        return await self._download(path, target, artefact["sha256"])

    async def download_export(self, export_id: str, target: Path) -> Path:
        """A report or bundle that is ready, compared with its hash."""
        known = await self.run(operations.export(export_id))
        if known["sha256"] is None:
            problem = {"code": known["error_code"] or "not_ready", "detail": known["error_message"]}
            raise Conflict(409, problem, None)
        return await self._download(f"/exports/{export_id}/content", target, known["sha256"])

    async def _download(self, path: str, target: Path, sha256: str, **options: Any) -> Path:
        # Compressed on the way it would not be the bytes that were hashed.
        headers = {"Accept-Encoding": "identity"}
        try:
            async with self._http.stream("GET", API + path, headers=headers, **options) as response:
                if response.status_code >= 400:
                    await response.aread()
                    raise error_of(response)
                with Arriving(target, sha256) as file:
                    async for chunk in response.aiter_raw():
                        file.write(chunk)
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        return target
