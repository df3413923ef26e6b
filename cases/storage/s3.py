"""A store in an S3-compatible bucket, through django-storages."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from cases.errors import StoreError
from cases.hashing import Digests, hash_chunks, hash_file, read_chunks
from cases.storage.base import check_key, check_stored, missing, object_key

# S3 takes at most 10,000 parts: room for 640 GB.
PART = 64 * 1024 * 1024
WRITTEN_BEFORE = {"PreconditionFailed", "ConditionalRequestConflict"}


class S3Store:
    """Objects named by their hash. Credentials and endpoint come from the AWS_* environment.

    Where the bucket has object lock with a default retention, S3 itself refuses removal until the
    retention ends; ``remove`` then raises StoreError ``locked``.
    """

    def __init__(self, storage: Any, cache: Path) -> None:
        self.storage = storage
        self.cache = cache

    @classmethod
    def from_url(cls, url: str, cache: Path) -> Self:
        """``s3://bucket/prefix``. ``cache``: folder for the local copies that ``path`` gives."""
        from storages.backends.s3 import S3Storage

        parts = urlsplit(url)
        storage = S3Storage(
            bucket_name=parts.netloc,
            location=parts.path.strip("/"),
            endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL") or None,
            file_overwrite=False,
        )
        return cls(storage, cache / parts.netloc)

    def put(self, path: Path, sha256: str, folder: str = "", *, final: bool = False) -> str:
        key = object_key(sha256, folder)
        if not self.exists(key):
            # Before the upload: object lock might not let a wrong object be taken away again.
            check_stored(key, hash_file(path), sha256)
            self._upload(path, key)
        check_stored(key, self.digests(key), sha256)
        return key

    def path(self, key: str) -> Path:
        copy = self.cache / check_key(key)
        expected = copy.name
        if not copy.is_file() or hash_file(copy).sha256 != expected:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = copy.with_name(f".incoming-{uuid.uuid4().hex}")
            try:
                with self.open(key) as stored, draft.open("xb") as file:
                    for chunk in read_chunks(stored):
                        file.write(chunk)
                check_stored(key, hash_file(draft), expected)
                draft.replace(copy)
            finally:
                draft.unlink(missing_ok=True)
        return copy

    def open(self, key: str) -> BinaryIO:
        try:
            file: BinaryIO = self.storage.open(check_key(key), "rb")
            file.seek(0)
        except (FileNotFoundError, ClientError) as error:
            raise missing(key) from error
        return file

    def digests(self, key: str) -> Digests:
        with self.open(key) as file:
            return hash_chunks(read_chunks(file))

    def exists(self, key: str) -> bool:
        return bool(self.storage.exists(check_key(key)))

    def remove(self, key: str) -> None:
        if not self.exists(key):
            raise missing(key)
        try:
            # Every version: a delete marker alone would leave the bytes in a versioned bucket.
            self.storage.bucket.object_versions.filter(Prefix=self._name(key)).delete()
        except ClientError as error:
            raise _locked(key) from error
        if self.exists(key):
            raise _locked(key)
        (self.cache / key).unlink(missing_ok=True)

    def _upload(self, path: Path, key: str) -> None:
        """Send the file in parts; ``IfNoneMatch`` lets the bucket refuse a second such object."""
        client = self.storage.connection.meta.client
        place = {"Bucket": self.storage.bucket_name, "Key": self._name(key)}
        upload_id = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            parts = list(_send_parts(client, {**place, "UploadId": upload_id}, path))
            client.complete_multipart_upload(
                **place, UploadId=upload_id, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except ClientError as error:
            client.abort_multipart_upload(**place, UploadId=upload_id)
            if error.response["Error"]["Code"] not in WRITTEN_BEFORE:
                raise StoreError("unavailable", f"The bucket refused {key}: {error}") from error

    def _name(self, key: str) -> str:
        prefix = self.storage.location.strip("/")
        return f"{prefix}/{key}" if prefix else key


def _send_parts(client: Any, upload: dict[str, str], path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number in itertools.count(1):
            body = file.read(PART)
            if not body:
                return
            sent = client.upload_part(
                **upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256"
            )
            yield {
                "PartNumber": number,
                "ETag": sent["ETag"],
                "ChecksumSHA256": sent["ChecksumSHA256"],
            }


def _locked(key: str) -> StoreError:
    return StoreError("locked", f"The bucket's object lock still keeps {key}. Try again later.")
