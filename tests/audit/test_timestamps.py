"""Time stamps from a real (local) RFC 3161 authority, and their queue while it is away."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from rfc3161_client import VerificationError, decode_timestamp_response

from audit import checkpoints, timestamps
from audit.models import StampRequest
from audit.tasks import keep_ledger
from tests.audit.ledgers import add

pytestmark = pytest.mark.django_db


@dataclasses.dataclass
class Authority:
    """A time stamping authority with a root of its own."""

    url: str
    roots: str
    refuses: bool = False


def _certificate(
    name: str, key: rsa.RSAPrivateKey, issuer: str, issuer_key: rsa.RSAPrivateKey, *, stamps: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not stamps, path_length=None), critical=True)
    )
    if stamps:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    root_key = rsa.generate_private_key(65537, 2048)
    key = rsa.generate_private_key(65537, 2048)
    root = _certificate("Test root", root_key, "Test root", root_key, stamps=False)
    certificate = _certificate("Test stamps", key, "Test root", root_key, stamps=True)
    roots = tmp_path / "roots.pem"
    roots.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
        asn1_keys.PrivateKeyInfo.load(private),
    )
    state = Authority(url="", roots=str(roots))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if state.refuses:
                self.send_error(503)
                return
            answer = stamper.request_tsa_response(tsp.TimeStampReq.load(query)).dump()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def configured(authority: Authority, settings: Any) -> Authority:
    settings.DFD = dataclasses.replace(
        settings.DFD, timestamp_authority=authority.url, timestamp_roots=authority.roots
    )
    return authority


def test_without_an_authority_nothing_is_queued() -> None:
    add(None, 1)
    checkpoints.create(reason="request")
    assert not StampRequest.objects.exists()


@pytest.mark.usefixtures("configured")
def test_a_checkpoint_is_stamped_and_the_stamp_verifies() -> None:
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert request.stamped_at is not None
    response = decode_timestamp_response(bytes(request.response or b""))
    timestamps.verify_stamp(response, request.checkpoint.note.encode())
    with pytest.raises(VerificationError):
        timestamps.verify_stamp(response, b"another note")


def test_a_stamp_waits_until_the_authority_answers(configured: Authority) -> None:
    configured.refuses = True
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert (request.stamped_at, request.attempts) == (None, 1)
    assert "503" in request.last_error
    configured.refuses = False
    assert timestamps.stamp_pending() == 1
    assert timestamps.stamp_pending() == 0


def test_a_stamp_of_a_stranger_is_not_kept(
    configured: Authority, settings: Any, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    stranger = _certificate("Stranger", key, "Stranger", key, stamps=False)
    roots = tmp_path / "other.pem"
    roots.write_bytes(stranger.public_bytes(serialization.Encoding.PEM))
    settings.DFD = dataclasses.replace(settings.DFD, timestamp_roots=str(roots))
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert request.response is None
    assert "VerificationError" in request.last_error
