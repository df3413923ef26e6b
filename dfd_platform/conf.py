"""``settings.DFD``: the platform's own settings as one frozen value, and its generated secrets."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# sun_path holds 108 bytes including its closing zero.
MAX_SOCKET_PATH = 107


@dataclass(frozen=True)
class PlatformSettings:
    """Where things live and how much is allowed. ``.env.example`` explains each value."""

    data_dir: Path
    # A folder or an s3:// URL; empty means a folder below data_dir.
    evidence_location: str = ""
    artefact_location: str = ""
    max_upload_bytes: int = 20 * 1024**3
    case_quota_bytes: int = 0
    upload_expiry_hours: int = 24
    clamd: str = ""
    # Keep thumbnails, heat maps and the like when the recording they show is destroyed.
    keep_derived: bool = False
    weights_dir: Path | None = None
    # The only folder of the server that the API may read files from; None: it reads none.
    inbox_dir: Path | None = None
    device: str = "auto"
    profile: str = "standard"
    # Refuse analyses with weights that two administrators have not let into casework.
    require_approved_weights: bool = False
    heartbeat_s: float = 5.0
    analysis_timeout_s: int = 3600
    # How long a stopping worker may finish its job before it hands it back to the queue.
    shutdown_grace_s: float = 6.0
    max_attempts: int = 3
    ledger_origin: str = "dfd-platform.local/ledger"
    ledger_key: str = field(default="", repr=False)
    checkpoint_every: int = 1000
    timestamp_authority: str = ""
    timestamp_roots: str = ""
    api_key_peppers: str = field(default="", repr=False)
    # The site's default of a day per person, by measure ("bytes", "analyses"); 0 or absent: none.
    quotas: Mapping[str, int] = field(default_factory=dict)
    require_mfa: bool = False
    # Networks (CIDR) of proxies whose X-Forwarded-For is believed.
    trusted_proxies: tuple[str, ...] = ()
    webhook_http: bool = False
    webhook_ports: tuple[int, ...] = (443, 8443)
    # Networks (CIDR) that web hooks may reach besides the public internet.
    webhook_networks: tuple[str, ...] = ()
    report_certificate: str = ""
    report_certificate_passphrase: str = field(default="", repr=False)

    @property
    def evidence_dir(self) -> Path:
        return self.data_dir / "evidence"

    @property
    def artefact_dir(self) -> Path:
        return self.data_dir / "artefacts"

    @property
    def quarantine_dir(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def checkpoint_dir(self) -> Path:
        return self.data_dir / "checkpoints"

    @property
    def evidence_store(self) -> str:
        """Folder or ``s3://`` URL of the originals."""
        return self.evidence_location or str(self.evidence_dir)

    @property
    def artefact_store(self) -> str:
        """Folder or ``s3://`` URL of the derived files."""
        return self.artefact_location or str(self.artefact_dir)


def generated_secret(path: Path) -> str:
    """The secret kept in ``path``, created on first use (owner-only).

    Raises ImproperlyConfigured when the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place: two processes that start together agree on one
        # secret, and nobody reads a half-written file.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"cannot write {path.parent}: {error.strerror}. "
            "Set DFD_DATA_DIR to a folder this user may write to."
        ) from error


def embedded_redis_socket(data_dir: Path) -> Path:
    """Socket of the bundled Redis: in ``data_dir``, or in a short private folder when too long."""
    socket = data_dir / "redis.sock"
    if len(os.fsencode(socket)) <= MAX_SOCKET_PATH:
        return socket
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"dfd-{os.getuid()}-{digest}" / "redis.sock"
