"""Listing, checking, importing and fetching weights on the command line."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ml.cli import main
from tests.ml.small_registry import make_registry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_registry(tmp_path_factory.mktemp("weights"))


def test_weights_list_and_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list", "--weights-dir", str(folder)]) == 0
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert "ready, float32" in lines["tiny_ladeda"]
    assert "no trained weights" in lines["aasist"]
    assert "needs no weights" in lines["metadata"]
    assert main(["weights", "verify", "--weights-dir", str(folder)]) == 0
    assert "tiny_ladeda: loads: right" in capsys.readouterr().out


def test_weights_verify_names_an_altered_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_registry(tmp_path / "w")
    with (folder / "tiny_ladeda.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert main(["weights", "verify", "--weights-dir", str(folder)]) == 3
    assert "is not the registered file" in capsys.readouterr().err
    main(["weights", "list", "--weights-dir", str(folder)])
    assert "hash_mismatch" in capsys.readouterr().out


def test_weights_import_takes_only_the_registered_file(folder: Path, tmp_path: Path) -> None:
    target = make_registry(tmp_path / "w")
    stored = target / "tiny_ladeda.safetensors"
    content = stored.read_bytes()
    stored.unlink()
    given = tmp_path / "download.bin"
    given.write_bytes(content)
    arguments = ["weights", "import", "tiny_ladeda", str(given), "--weights-dir", str(target)]
    assert main(arguments) == 0
    assert stored.read_bytes() == content
    given.write_bytes(content + b"x")
    assert main(arguments) == 3
    assert stored.read_bytes() == content


def test_weights_fetch_refuses_plain_http_and_unknown_names(folder: Path) -> None:
    where = ["--weights-dir", str(folder)]
    http = ["weights", "fetch", "tiny_ladeda", "--from", "http://localhost/x", *where]
    assert main(http) == 3
    assert main(["weights", "fetch", "none", "--from", "https://localhost/x", *where]) == 3
    strange = ["--from", "https://local host/x y", *where]
    assert main(["weights", "fetch", "tiny_ladeda", *strange]) == 3


def test_the_advice_for_a_missing_weight_can_be_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_registry(tmp_path / "w")
    (folder / "tiny_ladeda.safetensors").unlink()
    assert main(["weights", "verify", "--weights-dir", str(folder)]) == 3
    advice = capsys.readouterr().err.split("'python -m ml ")[1].split("'")[0].split()
    assert advice[-1] == "ADDRESS"
    address = "http://localhost/x"
    assert main([*advice[:-1], address, "--weights-dir", str(folder)]) == 3
    assert "https:// addresses only" in capsys.readouterr().err


def test_weights_import_into_a_place_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_registry(tmp_path / "w")
    given = tmp_path / "given.bin"
    given.write_bytes((folder / "tiny_ladeda.safetensors").read_bytes())
    (folder / "tiny_ladeda.part").mkdir()
    arguments = ["weights", "import", "tiny_ladeda", str(given), "--weights-dir", str(folder)]
    assert main(arguments) == 3
    assert "cannot be written" in capsys.readouterr().err


@pytest.fixture
def https_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Address and folder of a local server whose certificate this process trusts."""
    folder = tmp_path / "served"
    folder.mkdir()
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, valid for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def test_weights_fetch_keeps_only_the_registered_file(
    https_server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, served = https_server
    target = make_registry(tmp_path / "w")
    stored = target / "tiny_ladeda.safetensors"
    content = stored.read_bytes()
    stored.unlink()
    (served / "right.bin").write_bytes(content)
    (served / "wrong.bin").write_bytes(content + b"x")

    def fetch(file: str) -> int:
        where = ["--from", f"{address}/{file}", "--weights-dir", str(target)]
        return main(["weights", "fetch", "tiny_ladeda", *where])

    assert fetch("wrong.bin") == 3
    assert "It was not stored" in capsys.readouterr().err
    assert not stored.exists()
    assert fetch("none.bin") == 3
    assert "404" in capsys.readouterr().err
    assert fetch("right.bin") == 0
    assert stored.read_bytes() == content


def test_weights_fetch_refuses_a_server_nobody_vouches_for(
    https_server: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    target = make_registry(tmp_path / "w")
    where = ["--from", f"{https_server[0]}/x", "--weights-dir", str(target)]
    assert main(["weights", "fetch", "tiny_ladeda", *where]) == 3
    assert "certificate" in capsys.readouterr().err
