"""The errors the science room raises on purpose: a code for programs, plain words for people."""

from __future__ import annotations

from enum import StrEnum


class MediaCode(StrEnum):
    """Why a file could not be read."""

    EMPTY = "empty"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    NO_STREAMS = "no_streams"
    TIMEOUT = "timeout"
    DECODER_CRASHED = "decoder_crashed"


class WeightsCode(StrEnum):
    """Why a weight file could not be used."""

    MISSING = "missing"
    HASH_MISMATCH = "hash_mismatch"
    KEY_MISMATCH = "key_mismatch"
    PREPROCESSING_MISMATCH = "preprocessing_mismatch"


class MlError(Exception):
    """Base of every deliberate error; ``code`` is stable, ``message`` says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message


class MediaError(MlError):
    """The file cannot be analysed; ``code`` is a ``MediaCode``."""


class WeightsError(MlError):
    """A weight file is missing or is not the one the registry describes (``WeightsCode``)."""


class ParameterError(MlError):
    """An analysis parameter or a profile is not valid; ``code`` is the name of the key."""


class CalibrationError(MlError):
    """A calibrator or fusion head cannot be fitted or read (too few, separable, other file)."""
