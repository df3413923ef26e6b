"""What the examination room refuses, in words for the person who asked."""

from __future__ import annotations


class DetectionError(Exception):
    """Base of this room's errors: ``code`` for programs, ``message`` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AnalysisRefused(DetectionError):
    """An analysis cannot be submitted, cancelled or repeated.

    Codes: case_closed, exhibit_not_stored, unknown_profile, bad_parameters, finished,
    not_finished, no_finding.
    """


class AnalysisFailed(DetectionError):
    """A running analysis cannot go on: the message is stored and shown as the reason.

    Codes: evidence_mismatch, evidence_missing, timeout, out_of_memory, worker_lost, internal,
    or the code of the ``ml`` error that stopped it.
    """


class AnalysisSuperseded(DetectionError):
    """The attempt no longer owns its analysis (cancelled, or taken over after a lost worker)."""

    def __init__(self, message: str) -> None:
        super().__init__("superseded", message)


class ReviewRefused(DetectionError):
    """A review cannot be asked for or recorded.

    Codes: not_complete, same_person, no_opinion, empty, asked, not_a_reviewer, not_blind, blind.
    """


class ModelRefused(DetectionError):
    """A weight set cannot be registered, approved or used.

    Codes: same_person, no_proposal, empty, weights_not_approved.
    """


class LiveRefused(DetectionError):
    """A clip of the live check is not taken.

    Codes: empty, times, too_large, rate, busy, queue.
    """
