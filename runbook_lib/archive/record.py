"""The evidence folder: every call to AWS and its answer, written as it goes, read back to replay and verify.

A run folder holds `evidence/NN-<step>.jsonl`, one recorded call a line. A line is written whole, in one append, and
a half-written last line (the process was killed) is left out when the folder is read again. The first file,
`00-run.jsonl`, holds the run itself: parameters, clock, kit version and the caller's identity.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.errors import BadArchive
from runbook_lib.incident import Incident, Scope
from runbook_lib.archive.plain_json import dumped

EVIDENCE = "evidence"
CHECKSUMS = "SHA256SUMS"

_INVENTED = ("table_name", "function_name")
"""What the head of a sweep once named, for want of a scope: nobody's table and function."""


def call_ref(service: str, operation: str, region: str, params: Mapping[str, Any]) -> str:
    """Name a call by what it asks, so that live and replayed runs, and two live ones, quote it alike."""
    asked = json.dumps([service, operation, region, params], sort_keys=True, separators=(",", ":"))
    return f"{operation}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class RecordedCall:
    """One recorded call. Either `response` or `error` is set; `page` counts from 1 along a pagination.

    `started` is the local clock at the call, UTC; `ms` how long it took, retries included; `redacted` counts what was
    taken out of the answer, by kind.
    """

    ref: str
    page: int
    step: str
    service: str
    operation: str
    region: str
    params: Mapping[str, Any]
    started: str
    ms: int
    request_id: str
    retries: int
    response: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    redacted: Mapping[str, int] | None = None


class Record:
    """The calls of one run: answered from memory, appended to disk. `folder` None keeps them in memory only.

    `made` counts the calls it has held, also those that were let go. Safe for the threads of one process. Times come
    from `as_of`, the run's clock; nothing behind this class asks what time it is.
    """

    def __init__(self, scope: Scope, as_of: datetime, folder: Path | None, run: Mapping[str, Any]) -> None:
        self.scope = scope
        self.as_of = as_of
        self.folder = folder
        self.run = dict(run)
        self._calls: dict[tuple[str, int], RecordedCall] = {}
        self._files: dict[str, int] = {}
        self.made = 0
        self._lock = threading.Lock()

    @property
    def incident(self) -> Incident:
        """The incident that this run is about. Raises BadArchive where it is about none, as a sweep is."""
        if isinstance(self.scope, Incident):
            return self.scope
        raise BadArchive(
            f"Run {self.scope.incident_id} is a sweep of {self.scope.region}: it is about no table and function.",
            "Give the folder of an investigation.",
        )

    # -- opening -----------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        scope: Scope,
        as_of: datetime,
        identity: Mapping[str, Any],
        *,
        archive: Path | None,
        peek: bool = False,
        batch: str = "",
        sweep: bool = False,
    ) -> Record:
        """Begin a run, in a new folder of the archive where one is given. Raises BadArchive when it cannot be made.

        An investigation's `scope` is its incident; a `sweep` has a scope alone.
        """
        run = {
            "kind": "run",
            "schema": 1,
            "kit_version": __version__,
            "as_of": instant.iso(as_of),
            "parameters": scope.parameters(),
            "identity": dict(identity),
            "peek": peek,
            **({"batch": batch} if batch else {}),
            **({"sweep": True} if sweep else {}),
        }
        folder = None if archive is None else new_folder(archive / scope.incident_id, as_of)
        record = cls(scope, as_of, folder, run)
        record._write("run", run)
        record.sync("run")
        return record

    @classmethod
    def open(cls, folder: Path) -> Record:
        """Read a run folder back. Raises BadArchive when it is not one."""
        record = cls.read(folder / EVIDENCE)
        record.folder = folder
        return record

    @classmethod
    def read(cls, evidence: Path, files: str = "*.jsonl") -> Record:
        """Read a folder of evidence files, leaving it as it is. Raises BadArchive when it holds no run.

        `files` names those to read at once; `load` reads others when they are wanted.
        """
        head: dict[str, Any] | None = None
        calls: list[RecordedCall] = []
        for path in sorted(evidence.glob(files)):
            for line in _lines(path):
                if line.get("kind") == "run":
                    head = head or line
                else:
                    calls.append(_call(line, path))
        if head is None:
            raise BadArchive(
                f"{evidence.parent} is not a run folder: it has no {EVIDENCE}/00-run.jsonl.",
                "Give a folder such as archive/<incident_id>/<run>.",
            )
        try:
            scope = _scope(head, source=f"{evidence}/00-run.jsonl")
            record = cls(scope, instant.parse(head["as_of"]), None, head)
        except (KeyError, ValueError, TypeError, AttributeError) as failure:
            raise BadArchive(
                f"{evidence}/00-run.jsonl is damaged ({failure}).", "Restore it from a copy; `runbook verify` tells."
            ) from None
        for call in calls:
            record._keep(call)
        return record

    # -- reading and writing -----------------------------------------------------------------------------------

    def find(self, ref: str, page: int = 1) -> RecordedCall | None:
        """Give the recorded call of this name and page, if there is one."""
        return self._calls.get((ref, page))

    def calls(self) -> tuple[RecordedCall, ...]:
        """Give every recorded call, by step file and then by name, whatever order they came in."""
        return tuple(sorted(self._calls.values(), key=lambda call: (call.step, call.ref, call.page)))

    def add(self, call: RecordedCall, *, again: bool = False) -> None:
        """Keep a call, in memory and on disk at once. `again` replaces what was recorded under the same name."""
        with self._lock:
            if (call.ref, call.page) in self._calls and not again:
                return
            self._calls[call.ref, call.page] = call
            self.made += 1
            self._write(call.step, {key: value for key, value in vars(call).items() if value is not None})

    def load(self, step: str) -> None:
        """Read one step's calls from the folder of a run that was opened without them."""
        path = None if self.folder is None else self.folder / EVIDENCE / f"{step}.jsonl"
        if path is not None and path.exists():
            for line in _lines(path):
                self._keep(_call(line, path))

    def _keep(self, call: RecordedCall) -> None:
        """Take up a call that was read from the folder; the first of a name and page counts."""
        with self._lock:
            if (call.ref, call.page) not in self._calls:
                self._calls[call.ref, call.page] = call
                self.made += 1

    def forget(self, step: str) -> None:
        """Drop a step's calls from memory, so that they are made again; what was written stays in the folder."""
        with self._lock:
            self._calls = {key: call for key, call in self._calls.items() if call.step != step}

    def sync(self, step: str) -> None:
        """Make sure that what a step wrote is on the disk, not in a cache."""
        descriptor = self._files.get(step)
        if descriptor is not None:
            os.fsync(descriptor)

    def finish(self, step: str) -> None:
        """Let go of a step that is judged: its calls are on the disk, its file is closed, its memory free."""
        self.sync(step)
        self.forget(step)
        with self._lock:
            descriptor = self._files.pop(step, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close the evidence files."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _write(self, step: str, line: Mapping[str, Any]) -> None:
        if self.folder is None:
            return
        try:
            if step not in self._files:
                name = "00-run" if step == "run" else step
                path = self.folder / EVIDENCE / f"{name}.jsonl"
                _end_last_line(path)
                self._files[step] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(self._files[step], dumped(line, separators=(",", ":")).encode() + b"\n")
        except OSError as failure:
            raise BadArchive(
                f"Evidence cannot be written to {self.folder}: {failure.strerror}.",
                "Free space or name another folder with `archive`; what was written before stays.",
            ) from failure


def new_folder(parent: Path, as_of: datetime) -> Path:
    """Make a folder named after the run's clock; a second run in the same second gets a number."""
    name = f"{as_of:%Y%m%dT%H%M%SZ}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            (folder / EVIDENCE).mkdir()
            return folder
    except OSError as failure:
        raise BadArchive(
            f"The archive {parent} cannot be written: {failure.strerror}.",
            "Name a folder you may write to with `archive` or --archive.",
        ) from None
    raise BadArchive(f"{parent} already holds a thousand runs of {name}.", "Name another archive.")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read whole JSON lines; a torn last line is what a kill leaves and is passed over, a torn inner one is damage."""
    try:
        raw = path.read_bytes().split(b"\n")
    except OSError as failure:
        raise BadArchive(f"{path} cannot be read: {failure.strerror}.", "Check its mode.") from None
    for number, line in enumerate(raw, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            if number == len(raw) or not b"".join(raw[number:]).strip():
                return
            raise BadArchive(
                f"{path} is damaged at line {number}.", "Restore it from a copy; `runbook verify` tells what changed."
            ) from None
        if isinstance(value, dict):
            yield value


def _scope(head: Mapping[str, Any], source: str) -> Scope:
    """Read what a run looked at: an incident, or a sweep's scope."""
    given = head["parameters"]
    if not head.get("sweep"):
        return Incident.from_mapping(given, source=source)
    return Scope.from_mapping({key: value for key, value in given.items() if key not in _INVENTED}, source=source)


def _call(line: Mapping[str, Any], path: Path) -> RecordedCall:
    try:
        return RecordedCall(**line)
    except TypeError as failure:
        raise BadArchive(f"{path} holds a line that is no recorded call ({failure}).", "Restore it.") from None


def _end_last_line(path: Path) -> None:
    """Cut off a torn last line before appending, or the next line would be torn with it."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        whole = content.rfind(b"\n") + 1
        os.truncate(path, whole)


# -- documents and checksums -----------------------------------------------------------------------------------


_UNFINISHED = ".*.part"
"""The name of a document that is being written."""


def write_document(path: Path, content: str | bytes) -> None:
    """Write a document whole or not at all: beside its place first, then renamed into it. Raises BadArchive."""
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(_UNFINISHED.replace("*", path.name))
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as failure:
        beside.unlink(missing_ok=True)
        raise BadArchive(
            f"{path} cannot be written: {failure.strerror}.", "Free space or name another folder with `archive`."
        ) from None


def seal(folder: Path) -> None:
    """Write SHA256SUMS over every file of a run folder, in the format that `sha256sum -c` checks.

    What a killed process was writing is removed before: it is no part of the run.
    """
    for left in folder.rglob(_UNFINISHED):
        left.unlink()
    lines = [f"{_digest(folder / name)}  {name}\n" for name in members(folder)]
    write_document(folder / CHECKSUMS, "".join(lines))


def is_sealed(folder: Path) -> bool:
    """Whether the run is finished: a finished folder is never written to again."""
    return (folder / CHECKSUMS).exists()


def verify(folder: Path) -> tuple[str, ...]:
    """Compare a run folder with its checksums: one sentence per file that is changed, missing or extra; none if whole.

    Raises BadArchive when there are no checksums to compare with.
    """
    sums = folder / CHECKSUMS
    if not sums.exists():
        raise BadArchive(f"{folder} has no {CHECKSUMS}: the run was not finished.", "Run `runbook replay` on it first.")
    pairs = (line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines() if "  " in line)
    expected = {name: digest for digest, name in pairs}
    present = set(members(folder))
    changed = [
        f"{name} was changed."
        for name in sorted(expected)
        if name in present and _digest(folder / name) != expected[name]
    ]
    missing = [f"{name} is missing." for name in sorted(expected) if name not in present]
    extra = [f"{name} was added after the run was finished." for name in sorted(present - set(expected))]
    return (*changed, *missing, *extra)


def members(folder: Path) -> list[str]:
    """Name every file of a run folder but its checksums, in order."""
    inside = (path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return sorted(path.relative_to(folder).as_posix() for path in inside)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
