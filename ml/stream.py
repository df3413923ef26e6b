"""A rolling verdict on a running source."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ml.result import AnalysisResult, Verdict

_REMEMBERED = 5


@dataclass(frozen=True)
class RollingVerdict:
    """One window's finding and the verdict over the last five windows.

    ``log10_lr`` is None when nothing could be scored in the window. ``rolling`` is the verdict
    that more than half of the remembered, decided windows share, else INCONCLUSIVE.
    """

    start: float
    end: float
    verdict: Verdict
    log10_lr: float | None
    probability: float | None
    rolling: Verdict
    reason: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def line(self) -> str:
        """One line for a terminal."""
        ratio = "      " if self.log10_lr is None else f"{self.log10_lr:+6.2f}"
        return (
            f"{self.start:8.1f} s to {self.end:8.1f} s  log10 LR {ratio}  {self.verdict:12} "
            f"rolling: {self.rolling}"
        )


class VerdictRoll:
    """Remembers the last windows."""

    def __init__(self) -> None:
        self._verdicts: deque[Verdict] = deque(maxlen=_REMEMBERED)

    def add(self, start: float, end: float, result: AnalysisResult) -> RollingVerdict:
        """The verdict on one more window."""
        decision = result.decision
        self._verdicts.append(decision.verdict)
        return RollingVerdict(
            start=start,
            end=end,
            verdict=decision.verdict,
            log10_lr=decision.log10_lr,
            probability=decision.probability,
            rolling=shared_verdict(self._verdicts),
            reason=decision.reason,
        )


def shared_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """What more than half of the last five windows say, INCONCLUSIVE when nothing is."""
    last = list(verdicts)[-_REMEMBERED:]
    for verdict in (Verdict.FAKE, Verdict.REAL):
        if last.count(verdict) * 2 > len(last):
            return verdict
    return Verdict.INCONCLUSIVE
