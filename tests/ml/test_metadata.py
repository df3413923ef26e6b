"""Content Credentials made and broken on the spot, and the facts a file states."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from ml.branches.metadata import create
from ml.media.plan import DecodePlan
from ml.media.prepared import PreparedMedia
from ml.media.sandbox import decode_sandboxed
from ml.result import BranchStatus, InputFacts, MediaKind
from tests.ml.media_samples import still_bytes, write_video

_MANIFEST = {
    "claim_generator_info": [{"name": "test camera", "version": "1"}],
    "title": "made for a test",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
                        "trainedAlgorithmicMedia",
                    }
                ]
            },
        }
    ],
}
_Made = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(common_name: str, issuer: _Made | None = None) -> _Made:
    """A root (no issuer) or a signing certificate as C2PA asks for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test laboratory"),
        ]
    )
    root = issuer is None
    usage = x509.KeyUsage(not root, False, False, False, False, root, root, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2044, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(purposes, critical=False)
        builder = builder.add_extension(authority, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(made: _Made) -> str:
    return made[0].public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def root() -> _Made:
    return certificate("Root")


@pytest.fixture(scope="module")
def signed(root: _Made) -> bytes:
    leaf = certificate("Signer", root)
    key = leaf[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = (pem(leaf) + pem(root)).encode()
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, key, None)
    target = io.BytesIO()
    c2pa.Builder.from_json(json.dumps(_MANIFEST)).sign(
        c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(still_bytes("JPEG")), target
    )
    return target.getvalue()


def credentials(path: Path, content: bytes, anchors: str = "") -> dict[str, object]:
    path.write_bytes(content)
    plan = DecodePlan(credentials=True, trust_anchors=anchors)
    return decode_sandboxed(path, plan).credentials


def test_a_trusted_signature_is_valid(root: _Made, signed: bytes, tmp_path: Path) -> None:
    found = credentials(tmp_path / "a.jpg", signed, pem(root))
    assert found["state"] == "valid"
    assert found["signer"] == "Test laboratory"
    assert found["sources"] == ["trainedAlgorithmicMedia"]
    assert found["tool"] == "test camera"


def test_an_unknown_signer_is_untrusted(signed: bytes, tmp_path: Path) -> None:
    assert credentials(tmp_path / "a.jpg", signed)["state"] == "untrusted"
    stranger = pem(certificate("Another root"))
    assert credentials(tmp_path / "a.jpg", signed, stranger)["state"] == "untrusted"


def test_a_change_after_signing_is_invalid(root: _Made, signed: bytes, tmp_path: Path) -> None:
    changed = bytearray(signed)
    changed[-20] ^= 0x55
    found = credentials(tmp_path / "a.jpg", bytes(changed), pem(root))
    assert found["state"] == "invalid"
    assert "assertion.dataHash.mismatch" in str(found["codes"])


def test_no_manifest_is_absent_and_some_containers_carry_none(tmp_path: Path) -> None:
    assert credentials(tmp_path / "a.jpg", still_bytes("JPEG"))["state"] == "absent"
    flv = write_video(tmp_path / "v.flv", frames=5).read_bytes()
    assert credentials(tmp_path / "a.flv", flv)["state"] == "unsupported"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("valid", "intact and signed by a trusted certificate"),
        ("untrusted", "signer is not known"),
        ("invalid", "changed after signing"),
        ("absent", "says nothing either way"),
        ("unsupported", "says nothing either way"),
    ],
)
def test_the_branch_reports_and_never_scores(state: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image = Image.open(io.BytesIO(still_bytes("PNG")))
    exif = image.getexif()
    exif[0x010F], exif[0x0131] = "Maker", "Editor 1.0"
    image.save(path, "JPEG", exif=exif)
    decoded = decode_sandboxed(path, DecodePlan())
    facts = InputFacts("a.jpg", 1, "00", "00", MediaKind.IMAGE)
    media = PreparedMedia(path, facts, decoded.facts, credentials={"state": state})
    output = create().run(media)
    assert output.status is BranchStatus.REPORTED
    assert output.logit is None
    assert words in output.reason
    assert output.details["encoder"] == {"Software": "Editor 1.0"}
    assert output.details["camera"] == {"Make": "Maker"}
