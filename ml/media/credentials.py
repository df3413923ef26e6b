"""Content Credentials (C2PA manifests) of a file, read inside the confined child.

Nothing is fetched from the network: remote manifests and revocation lists stay unread.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, BinaryIO

from ml.result import MediaFacts

_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "avi": "video/avi",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
}
_MAX_CODES = 16


class CredentialState(StrEnum):
    """VALID: intact and signed by a trusted certificate. UNTRUSTED: intact, signer unknown.
    INVALID: changed after signing, or a broken signature. ABSENT says nothing either way.
    UNSUPPORTED: this container cannot carry a manifest we can read."""

    VALID = "valid"
    UNTRUSTED = "untrusted"
    INVALID = "invalid"
    ABSENT = "absent"
    UNSUPPORTED = "unsupported"


def read_credentials(stream: BinaryIO, facts: MediaFacts, trust_anchors: str) -> dict[str, Any]:
    """State, signer, tool, stated actions and validation codes as plain JSON types.

    ``trust_anchors`` are PEM certificates; without them no signer is trusted.
    """
    import c2pa

    mime_type = _TYPES.get(facts.container)
    if mime_type is None:
        return {"state": str(CredentialState.UNSUPPORTED)}
    stream.seek(0)
    try:
        with c2pa.Reader(mime_type, stream, context=_context(trust_anchors)) as reader:
            state = reader.get_validation_state()
            return _described(state, json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return {"state": str(CredentialState.ABSENT)}
    except c2pa.C2paError.NotSupported:
        return {"state": str(CredentialState.UNSUPPORTED)}
    except c2pa.C2paError as error:
        return {"state": str(CredentialState.INVALID), "codes": [str(error)[:200]]}


def _context(trust_anchors: str) -> Any:
    import c2pa

    settings: dict[str, Any] = {
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}
    }
    if trust_anchors:
        settings["trust"] = {"trust_anchors": trust_anchors}
    return c2pa.Context.from_dict(settings)


def _described(validation: str, store: dict[str, Any]) -> dict[str, Any]:
    states = {"Trusted": CredentialState.VALID, "Valid": CredentialState.UNTRUSTED}
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    return {
        "state": str(states.get(validation, CredentialState.INVALID)),
        "signer": str(signature.get("issuer", ""))[:200],
        "signed_at": str(signature.get("time", ""))[:40],
        "tool": ", ".join(str(g.get("name")) for g in manifest.get("claim_generator_info", []))[
            :200
        ],
        "actions": [str(action.get("action", ""))[:80] for action in actions[:_MAX_CODES]],
        "sources": sorted(
            {
                str(action["digitalSourceType"]).rsplit("/", 1)[-1][:80]
                for action in actions
                if "digitalSourceType" in action
            }
        ),
        "codes": [str(s.get("code")) for s in store.get("validation_status", [])[:_MAX_CODES]],
    }
