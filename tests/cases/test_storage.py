"""The write-once stores: folder and bucket keep the same promises."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cases.errors import StoreError
from cases.storage import FileStore, S3Store, Store, artefact_store, evidence_store, object_key

CONTENT = b"bytes of an original" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = f"case-1/{SHA256[:2]}/{SHA256}"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty versioned bucket with object lock switched on."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="evidence", ObjectLockEnabledForBucket=True)
        yield client


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FileStore(tmp_path / "store")
    request.getfixturevalue("bucket")
    return S3Store.from_url("s3://evidence/originals", cache=tmp_path / "cache")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def test_bytes_come_back_under_their_hash(store: Store, source: Path) -> None:
    key = store.put(source, SHA256, folder="case-1")
    assert key == KEY == object_key(SHA256, "case-1")
    assert store.exists(key)
    assert store.path(key).read_bytes() == CONTENT
    with store.open(key) as file:
        assert file.read() == CONTENT
    digests = store.digests(key)
    assert (digests.sha256, digests.size) == (SHA256, len(CONTENT))
    assert digests.sha512 == hashlib.sha512(CONTENT).hexdigest()
    assert source.exists()
    assert store.put(source, SHA256, folder="case-1", final=True) == key
    assert source.exists()


def test_wrong_hash_is_refused_and_nothing_stays(store: Store, source: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.put(source, "0" * 64)
    assert caught.value.code == "mismatch"
    assert not store.exists(object_key("0" * 64))
    assert source.exists()


def test_what_is_not_there_is_said_to_be_missing(store: Store, source: Path) -> None:
    store.put(source, SHA256)
    absent = object_key("1" * 64)
    for ask in (store.path, store.open, store.digests, store.remove):
        with pytest.raises(StoreError) as caught:
            ask(absent)
        assert caught.value.code == "missing"


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "ab/x", f"../ab/{SHA256}", ""])
def test_keys_from_elsewhere_open_nothing(store: Store, key: str) -> None:
    with pytest.raises(StoreError, match="not a storage key"):
        store.path(key)


def test_removed_bytes_are_gone(store: Store, source: Path) -> None:
    key = store.put(source, SHA256)
    copy = store.path(key)
    store.remove(key)
    assert not store.exists(key)
    assert not copy.exists()


def test_damaged_object_is_never_overwritten(tmp_path: Path, source: Path) -> None:
    store = FileStore(tmp_path / "store")
    path = store.path(store.put(source, SHA256))
    path.chmod(0o640)
    path.write_bytes(b"damaged")
    with pytest.raises(StoreError, match="damaged"):
        store.put(source, SHA256)
    assert path.read_bytes() == b"damaged"


def test_stored_file_is_read_only_and_shares_nothing_with_a_kept_source(
    tmp_path: Path, source: Path
) -> None:
    store = FileStore(tmp_path / "store")
    path = store.path(store.put(source, SHA256))
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    source.write_bytes(b"the caller goes on writing")
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [SHA256]


def test_store_on_another_file_system_gets_a_copy(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def across_file_systems(origin: Path, target: Path) -> None:
        if Path(origin) == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(origin, target)

    monkeypatch.setattr(os, "link", across_file_systems)
    store = FileStore(tmp_path / "store")
    key = store.put(source, SHA256, final=True)
    assert store.path(key).read_bytes() == CONTENT
    assert store.path(key).stat().st_ino != source.stat().st_ino


def test_file_that_is_final_becomes_the_stored_one(tmp_path: Path, source: Path) -> None:
    store = FileStore(tmp_path / "store")
    key = store.put(source, SHA256, final=True)
    assert store.path(key).stat().st_ino == source.stat().st_ino
    assert stat.S_IMODE(store.path(key).stat().st_mode) == 0o440


def test_bucket_refuses_a_second_object_of_the_same_name(bucket: Any, tmp_path: Path) -> None:
    store = S3Store.from_url("s3://evidence", cache=tmp_path / "cache")
    bucket.put_object(Bucket="evidence", Key=object_key(SHA256), Body=b"damaged")
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    with pytest.raises(StoreError, match="damaged"):
        store.put(source, SHA256)
    assert bucket.get_object(Bucket="evidence", Key=object_key(SHA256))["Body"].read() == b"damaged"


def test_local_copy_of_a_bucket_is_checked_each_time(bucket: Any, tmp_path: Path) -> None:
    store = S3Store.from_url("s3://evidence", cache=tmp_path / "cache")
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    key = store.put(source, SHA256)
    store.path(key).write_bytes(b"somebody wrote here")
    assert store.path(key).read_bytes() == CONTENT


def test_object_lock_keeps_what_is_to_be_removed(bucket: Any, tmp_path: Path) -> None:
    store = S3Store.from_url("s3://evidence", cache=tmp_path / "cache")
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    key = store.put(source, SHA256)
    # What the default retention of a bucket does to every object in it.
    bucket.put_object_retention(
        Bucket="evidence",
        Key=key,
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": datetime(2099, 1, 1, tzinfo=UTC)},
    )
    with pytest.raises(StoreError) as caught:
        store.remove(key)
    assert caught.value.code == "locked"
    assert store.digests(key).sha256 == SHA256


@pytest.mark.django_db
def test_evidence_goes_into_the_bucket_that_is_set(
    bucket: Any, settings: Any, receive: Any, data_dir: Path
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, evidence_location="s3://evidence/originals")
    exhibit = receive()
    stored = bucket.get_object(Bucket="evidence", Key=f"originals/{exhibit.storage_key}")
    assert hashlib.sha256(stored["Body"].read()).hexdigest() == exhibit.sha256
    assert isinstance(evidence_store(), S3Store)
    assert isinstance(artefact_store(), FileStore)
    assert evidence_store().path(exhibit.storage_key).read_bytes()[:4] == b"RIFF"
