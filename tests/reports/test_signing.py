"""PAdES signatures with a laboratory's own certificate."""

from __future__ import annotations

import builtins
import dataclasses
import datetime
import io
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from reports import rendering
from reports.errors import PdfUnavailable, ReportRefused

PAGE = "<p>A report.</p>"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, bytes]:
    """A PKCS #12 file with the passphrase ``open`` and its certificate as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Laboratory")])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "laboratory.p12"
    protection = serialization.BestAvailableEncryption(b"open")
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"lab", key, made, None, protection))
    return path, made.public_bytes(serialization.Encoding.PEM)


def configure(settings: Any, path: Path, passphrase: str = "open") -> None:
    settings.DFD = dataclasses.replace(
        settings.DFD, report_certificate=str(path), report_certificate_passphrase=passphrase
    )


def validation(pdf: bytes, pem: bytes) -> Any:
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    roots = list(load_certs_from_pemder_data(pem))
    return validate_pdf_signature(signature, ValidationContext(trust_roots=roots))


def test_without_a_certificate_the_report_is_not_signed() -> None:
    assert not PdfFileReader(io.BytesIO(rendering.pdf(PAGE))).embedded_signatures


def test_the_signature_is_pades_and_covers_the_whole_report(
    certificate: tuple[Path, bytes], settings: Any
) -> None:
    path, pem = certificate
    configure(settings, path)
    pdf = rendering.pdf(PAGE)
    assert b"/ETSI.CAdES.detached" in pdf
    status = validation(pdf, pem)
    assert status.intact
    assert status.valid
    assert status.trusted
    place = pdf.index(b"/Producer") + 3
    changed = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
    assert not validation(changed, pem).intact


def test_a_certificate_that_does_not_open_stops_the_export(
    certificate: tuple[Path, bytes], settings: Any, tmp_path: Path
) -> None:
    configure(settings, certificate[0], "wrong")
    with pytest.raises(ReportRefused, match="DFD_REPORT_CERTIFICATE"):
        rendering.pdf(PAGE)
    configure(settings, tmp_path / "missing.p12")
    with pytest.raises(ReportRefused, match="Nothing was exported"):
        rendering.pdf(PAGE)


def test_without_pango_the_reason_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PdfUnavailable, match=r"apt-get install libpango-1\.0-0"):
        rendering.pdf(PAGE)
