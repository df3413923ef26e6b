"""What the file says about itself: container, codec, encoder, EXIF and Content Credentials.

Facts for a person to read. They are never scored: metadata can be removed or written at will.
"""

from __future__ import annotations

from typing import Any

import torch

from ml.branches.base import BranchOutput
from ml.media.credentials import CredentialState
from ml.media.prepared import PreparedMedia
from ml.result import BranchStatus, MediaKind, to_plain
from ml.weights.registry import WeightRegistry

_ENCODER_TAGS = ("encoder", "Software", "handler_name", "com.apple.quicktime.software", "comment")
_CAMERA_TAGS = ("Make", "Model", "com.apple.quicktime.make", "com.apple.quicktime.model")
_TIME_TAGS = ("creation_time", "DateTimeOriginal", "DateTime", "date")
_WORDS = {
    CredentialState.VALID: "Content Credentials are intact and signed by a trusted certificate",
    CredentialState.UNTRUSTED: "Content Credentials are intact, but their signer is not known",
    CredentialState.INVALID: "Content Credentials do not fit the file: it was changed after "
    "signing or the signature is broken",
    CredentialState.ABSENT: "There are no Content Credentials, which says nothing either way",
    CredentialState.UNSUPPORTED: "This container carries no Content Credentials that can be read, "
    "which says nothing either way",
}


class MetadataBranch:
    """Reports facts; the status is always REPORTED and there is no logit."""

    name = "metadata"
    version = "1"
    title = "Metadata and Content Credentials"
    modality = MediaKind.IMAGE
    weights = ""

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Needs nothing."""

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Collect the facts and say the state of the Content Credentials in words."""
        credentials = media.credentials or {"state": str(CredentialState.UNSUPPORTED)}
        tags = media.facts.tags
        details: dict[str, Any] = {
            "container": media.facts.container,
            "codecs": [stream.codec for stream in (media.facts.video, media.facts.audio) if stream],
            "encoder": _found(tags, _ENCODER_TAGS),
            "camera": _found(tags, _CAMERA_TAGS),
            "times": _found(tags, _TIME_TAGS),
            "tags": to_plain(tags),
            "credentials": credentials,
        }
        sentence = _WORDS[CredentialState(credentials["state"])]
        if sources := credentials.get("sources"):
            sentence += f"; the signer states the source as {', '.join(sources)}"
        return BranchOutput(status=BranchStatus.REPORTED, reason=f"{sentence}.", details=details)


def _found(tags: dict[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    """Tags whose name, without the stream prefix, is wanted."""
    return {
        key: value
        for key, value in tags.items()
        if key in wanted or key.split(".", 1)[-1] in wanted
    }


def create() -> MetadataBranch:
    """The branch, not yet loaded."""
    return MetadataBranch()
