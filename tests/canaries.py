"""A world full of secrets: a canary of every kind wherever AWS can carry text, and the search for them."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import quote

import hostile
import yaml
from secret_samples import JWT, PEM
from worlds import ARCHIVE, HISTORY, NOW, sandboxed

from runbook_lib.cli import main
from runbook_lib.sandbox import (
    BROKEN_HANDLER,
    PIPELINE,
    Actor,
    ApiError,
    Change,
    Code,
    Failure,
    Rule,
    State,
    TrailEvent,
    World,
    allow,
    build,
    document,
)

CANARIES: Mapping[str, str] = {
    "access key": "AKIACANARYBIRD234567",
    "temporary key": "ASIACANARYBIRD765432",
    "secret key": "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",
    "session token": "IQoJb3JpZ2luX2VjCANARYabcdefghijklmnopqrstuvwxyz0123456789",
    "jwt": JWT,
    "password": "c4nary-Passw0rd!",
    "environment": "plain canary of the environment",
    "url password": "c4naryUrlPass",
    "api key": "canary9f8e7d6c",
    "bearer": "canaryBearer0123456789",
    "signature": "c4na47c4na47c4na47c4na47",
    "card": "4111 1111 1111 1111",
    "bare card": "5555555555554444",
    "customer": "canary.customer@example.com",
    "session": "canary.person@example.com",
    "user": "canary.user",
    "item": "Canary Item Value",
    "address": "192.0.2.77",
    "private key": "MIIEcanaryprivatekey",
}

WORDS: Mapping[str, str] = {
    "access key": "key {}",
    "temporary key": "session of {}",
    "secret key": "AWS_SECRET_ACCESS_KEY={}",
    "session token": "X-Amz-Security-Token: {}",
    "jwt": "jwt {} refused",
    "password": "DB_PASSWORD='{}'",
    "url password": "postgres://app:{}@db.internal/orders",
    "api key": '{{"apiKey": "{}"}}',
    "bearer": "Authorization: Bearer {}",
    "signature": "https://b.s3.amazonaws.com/k?X-Amz-Expires=9&X-Amz-Signature={}",
    "card": "card {}",
    "bare card": "pan={}",
    "customer": "mail to {}",
    "session": "arn:aws:sts::123456789012:assumed-role/Deployer/{}",
    "user": "arn:aws:iam::123456789012:user/{}",
    "item": '{{"name": {{"S": "{}"}}}}',
    "private key": f"{PEM.format('BEGIN')} {{}} {PEM.format('END')}",
}
"""How each canary stands in running text; environment and address are known by their field alone."""

TEXT = " ; ".join(words.format(CANARIES[name]) for name, words in WORDS.items())
PERSON = Actor("AssumedRole", f"Deployer/{CANARIES['session']}", "aws-cli/2.27", CANARIES["address"])
USER = Actor("IAMUser", CANARIES["user"], "aws-cli/2.27", CANARIES["address"])
ENVIRONMENT = {"SETTING": CANARIES["environment"], "DSN": CANARIES["url password"], "DB_PASSWORD": CANARIES["password"]}
FILTER = json.dumps({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": [hostile.TEXT]}]}}}})
FIELDS = (
    "environment values", "description", "log line", "stack trace", "last processing result", "state transition reason",
    "state reason", "update failure", "policy Sid", "trail session", "trail user", "trail address", "trail agent",
    "trail request", "trail environment", "trail error code", "trail error message", "trail resource", "item attribute",
    "filter pattern", "policy name",
    "error message",
)  # fmt: skip
"""Where `planted`, `saying` and the setting's `note` put a text."""


def planted(
    world: World,
    text: str,
    people: tuple[Actor, ...],
    environment: Mapping[str, str],
    filters: tuple[str, ...] = (),
    policy: str = "reports",
) -> World:
    """Put a text into every field of a world that AWS can carry text in, and make people call what was refused.

    `filters` go into every mapping, and `policy` names a policy whose statement the text names.
    """
    name, role = world.setting.function, world.role_name
    failure = Failure("ValueError", f"cannot apply {text}", (f'  File "/var/task/app.py", line 7  # {text}',))

    def fill(state: State) -> State:
        if function := state.functions.get(name):
            code = function.latest.code
            words = {"always": failure} if code.always else {"poisoned": failure}
            reasons = {"state_reason": text, "state_reason_code": "Idle", "update_failure": text}
            changed = {"description": text[:256], "environment": environment, "code": replace(code, **words)}
            state = state.with_function(function.with_latest(**changed, **reasons))
        for mapping in state.mappings.values():
            state = state.with_mapping(
                replace(mapping, reason=text, remark=f" {text}", filters=filters or mapping.filters)
            )
        if held := state.roles.get(role):
            sid = document({**allow(["sqs:SendMessage"], "*", text), "Effect": "Deny"})
            state = state.with_role(replace(held, inline={**held.inline, policy: sid}))
        return state

    for at in (world.start, *(change.at for change in world.changes)):
        world.add(Change(at + timedelta(milliseconds=1), fill))
    for number, actor in enumerate(people):
        event = _refused(world, world.ago(hours=1, minutes=number), actor, text)
        world.add(Change(event.at, lambda state: state, event))
    return world


def _refused(world: World, at: datetime, actor: Actor, text: str) -> TrailEvent:
    request = {"functionName": world.setting.function, "description": text, "environment": {"variables": ENVIRONMENT}}
    return TrailEvent(
        at, replace(actor, agent=f"{actor.agent} {text}"), "lambda", "UpdateFunctionConfiguration20150331v2", request,
        resources=(("AWS::Lambda::Function", text),), error=(text, f"refused: {text}"),
    )  # fmt: skip


def saying(service: str, operation: str, text: str) -> Rule:
    """Give a rule that refuses an operation with a text of one's own."""
    return Rule(service, operation, refusal=lambda call, account: ApiError("ValidationException", f"invalid: {text}"))


def parameters(folder: Path) -> str:
    """Write the parameters of an incident, and give the file's name."""
    names = {"incident_id": "INC-1", "region": "eu-west-1", "table_name": "Orders", "function_name": "orders-projector"}
    path = folder / "INC-1.yaml"
    path.write_text(yaml.safe_dump({**names, "archive": str(folder / "archive")}), encoding="utf-8")
    return str(path)


def cli(*arguments: str) -> tuple[int, str, str]:
    """Run the command line: its exit code, and what it wrote to stdout and to stderr."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


@dataclass(frozen=True)
class Run:
    """A finished run, its exit code, and all that the command line said about it, as text and as JSON."""

    folder: Path
    code: int
    said: str
    document: str


def run_of(world: World, *more: str) -> Run:
    """Investigate a world full of canaries and of hostile text with a peek, and say the verdict again as JSON."""
    text = f"{TEXT} ; {hostile.TEXT}"
    people = (PERSON, USER, Actor("AssumedRole", f"Deployer/{hostile.NAME}", "x"), Actor("IAMUser", hostile.TEXT, "x"))
    planted(world, text, people, {**ENVIRONMENT, "TEXT": hostile.TEXT}, (FILTER,), hostile.NAME)
    archive = Path(tempfile.mkdtemp(dir=ARCHIVE))
    with sandboxed(world, saying("dynamodb", "DescribeTimeToLive", text)) as sandbox:
        code, *said = cli("investigate", parameters(archive), "--peek", "--export", "junit,sarif", *more)
        assert sandbox.violations == []  # type: ignore[attr-defined]
    (folder,) = (path for path in (archive / "archive" / "INC-1").iterdir() if path.is_dir())
    _, document, troubles = cli("replay", str(folder), "--json", "--no-report")
    return Run(folder, code, "\n".join((*said, troubles)), document)


@cache
def worst() -> Run:
    """Investigate, with its report, a world whose function fails since its last release; once per test process."""
    world = build("healthy", NOW, seed=1, history=HISTORY, note=TEXT, logged_per_minute=1)
    world.deploy(world.ago(minutes=25), world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE)
    return run_of(world)


def texts_of(path: Path) -> Iterator[str]:
    """Give a file as text: as it is, without HTML escapes, and every string of its JSON, base64 decoded too."""
    raw = path.read_bytes().decode("utf-8", "replace")
    yield raw
    yield html.unescape(raw)
    documents = {".ipynb": [raw], ".json": [raw], ".sarif": [raw], ".jsonl": raw.split("\n")[:-1]}
    for text in documents.get(path.suffix, ()):
        yield from _inside(json.loads(text))


def _inside(value: object) -> Iterator[str]:
    """Give every string below a JSON value; one that is base64 also as what it stands for."""
    if isinstance(value, str):
        yield value
        with contextlib.suppress(ValueError):
            yield base64.b64decode(value, validate=True).decode("utf-8", "replace")
    elif isinstance(value, list):
        yield from (text for item in value for text in _inside(item))
    elif isinstance(value, dict):
        yield from (text for name, held in value.items() for text in (name, *_inside(held)))


def found_in(text: str) -> set[str]:
    """Name the canaries in a text, as they are or as URLs, JSON or base64 would spell them."""
    return {name for name, spelt in _SPELT.items() if any(spelling in text for spelling in spelt)}


_SPELT = {
    name: {canary, quote(canary), json.dumps(canary)[1:-1], base64.b64encode(canary.encode()).decode().rstrip("=")}
    for name, canary in CANARIES.items()
}
