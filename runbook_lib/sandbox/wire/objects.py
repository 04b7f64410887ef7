"""Amazon S3, as far as publishing goes: requests reach moto as they came, for their bodies are files, not parameters.

Bucket names are one namespace of this process, as AWS's are one of its partition.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.protocols import Request

_OPERATIONS: Mapping[tuple[str, bool], str] = {
    ("PUT", False): "CreateBucket",
    ("GET", False): "ListObjectsV2",
    ("PUT", True): "PutObject",
    ("GET", True): "GetObject",
    ("HEAD", True): "HeadObject",
}
"""By the method, and whether the path goes on after the bucket."""

_MODIFIED = re.compile(rb"(?<=<LastModified>)[^<]+")


def operation_of(request: Request) -> str | None:
    """Name the operation of a request to S3; None for one that the sandbox does not emulate."""
    bucket, _, key = request.path.strip("/").partition("/")
    return _OPERATIONS.get((request.method, bool(key))) if bucket else None


def check(request: Request) -> None:
    """Refuse a file that is not the one whose SHA-256 was sent with it: S3 does, and moto does not."""
    told = request.headers.get("x-amz-checksum-sha256")
    if told and told != base64.b64encode(hashlib.sha256(request.body).digest()).decode():
        raise ApiError("BadDigest", "The SHA256 you specified did not match the calculated checksum.")


def retimed(body: bytes, now: datetime) -> bytes:
    """Give a listing the world's time in the place of moto's."""
    return _MODIFIED.sub(f"{now:%Y-%m-%dT%H:%M:%S}.000Z".encode(), body) if body.startswith(b"<?xml") else body
