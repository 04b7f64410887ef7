"""A finished run folder to S3, whole: the only write to AWS, made when asked and through a client of its own.

Nothing that is there is written over: every object is put only where there is none, and one of the same content counts
as put, so that a transfer that broke off can be taken up. S3 checks each file's SHA-256 when it arrives. The checksums
of the folder go last: where they are missing, the copy is not finished.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib._version import __version__
from runbook_lib.archive.record import CHECKSUMS, Record, members, verify
from runbook_lib.errors import BadArchive, BadParameters, NotPublished
from runbook_lib.report.build import REPORT

SCHEME = "s3://"
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([\w!.*'()/-]{0,512}))?")

_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown; charset=utf-8",
    ".pdf": "application/pdf",
    ".sarif": "application/sarif+json",
    ".xml": "application/xml",
    "": "text/plain; charset=utf-8",
}
"""By the ending of a file's name; a report must open in a browser, and in UTF-8."""

_DENIED = ("AccessDenied", "AllAccessDisabled", "Forbidden", "403")
_THERE = ("PreconditionFailed", "412")


@dataclass(frozen=True)
class Published:
    """A run in S3: its address, that of its report if it has one, and how many of its files were sent just now."""

    address: str
    report: str | None
    sent: int


def check_address(address: str) -> tuple[str, str]:
    """Read `s3://bucket/prefix` as bucket and prefix. Raises BadParameters."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise BadParameters(f"{address!r} is no address in S3.", "Give one such as s3://bucket/prefix.")
    return found[1], (found[2] or "").strip("/")


def publish(folder: Path, address: str, *, profile: str | None = None) -> Published:
    """Copy a finished, unchanged run folder to `<address>/<incident_id>/<run>/`.

    Raises BadParameters, BadArchive and NotPublished; the folder stays as it is in any case.
    """
    bucket, prefix = check_address(address)
    broken = verify(folder)
    if broken:
        raise BadArchive(f"{folder} is not as it was finished: {broken[0]}", "Publish an unchanged copy of it.")
    scope = Record.open(folder).scope
    home = "/".join(filter(None, (prefix, scope.incident_id, folder.resolve().name)))
    shelf = _Destination(bucket, home, folder, profile, scope.region)
    sent = sum([shelf.put(name) for name in (*members(folder), CHECKSUMS)])
    report = f"{SCHEME}{bucket}/{home}/{REPORT}" if (folder / REPORT).exists() else None
    return Published(f"{SCHEME}{bucket}/{home}/", report, sent)


class _Destination:
    """Where one run folder goes."""

    def __init__(self, bucket: str, home: str, folder: Path, profile: str | None, region: str) -> None:
        self._bucket = bucket
        self._home = home
        self._folder = folder
        self._client = self._opened(profile, region)

    def put(self, name: str) -> bool:
        """Put one file where there is none; False where the same file is there already. Raises NotPublished."""
        from botocore.exceptions import BotoCoreError, ClientError

        data, key = (self._folder / name).read_bytes(), f"{self._home}/{name}"
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=_TYPES.get(Path(name).suffix, "application/octet-stream"),
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=digest,
                IfNoneMatch="*",
            )
        except ClientError as failure:
            if failure.response["Error"]["Code"] not in _THERE:
                raise self._refused(name, failure.response["Error"]) from None
        except BotoCoreError as failure:
            raise self._refused(name, {"Code": type(failure).__name__, "Message": str(failure)}) from None
        else:
            return True
        if self._digest(name, key) != digest:
            raise self._refused(name, {"Code": _THERE[0]})
        return False

    def _digest(self, name: str, key: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except (BotoCoreError, ClientError) as failure:
            error = getattr(failure, "response", {}).get("Error", {})
            raise self._refused(name, {"Code": type(failure).__name__, "Message": str(failure), **error}) from None
        return str(head.get("ChecksumSHA256", ""))

    def _opened(self, profile: str | None, region: str) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        agent = f"stream-trigger-runbook/{__version__} publish"
        retries = {"mode": "standard", "total_max_attempts": 4}
        try:
            session = boto3.Session(profile_name=profile)
            config = Config(retries=retries, connect_timeout=5, read_timeout=60, user_agent_extra=agent)
            return session.client("s3", region_name=session.region_name or region, config=config)
        except BotoCoreError as failure:
            raise self._refused("", {"Code": type(failure).__name__, "Message": str(failure)}) from None

    def _refused(self, name: str, error: Mapping[str, str]) -> NotPublished:
        """Say what kept a file from its place, where the run is, and what to do."""
        code = error.get("Code", "")
        where = f"{SCHEME}{self._bucket}/{self._home}/{name}"
        if code == "NoSuchBucket":
            problem, remedy = f"There is no bucket `{self._bucket}`.", "Correct the address, or make the bucket."
        elif code in _DENIED:
            problem = f"These credentials may not write {where}."
            remedy = "Ask for s3:PutObject there, for s3:GetObject to take up a broken transfer, or give --profile."
        elif code in _THERE:
            problem, remedy = f"{where} is there and is another file.", "Nothing is written over: give another address."
        else:
            problem, remedy = f"{where} was not written: {code}: {error.get('Message', '')}.", "Try again."
        return NotPublished(problem, f"{remedy} The run is whole in {self._folder}; `runbook publish` copies it.")
