"""What gives a secret away in running text: a table of kinds, each with the words that hint at it and its pattern.

A kind is looked for where one of its hints stands, so that a plain line costs next to nothing. What a pattern calls
`secret` is taken out and the rest stays, so that a line keeps its sense. Names that AWS gives (ARNs, UUIDs, shard ids,
sequence numbers, hashes, policy names) look like none of these, and that is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

TAKEN = re.compile(
    r"\[redacted\]|person-[0-9a-f]{6}|\[(?:item|private key|authorization|presigned|secret key|password|token"
    r"|access key|card|address) [0-9a-f]{6}\]"
)
"""What stands for a secret or a person: it is never taken out again."""

_QUOTE = r"\\*[\"']"
_NOT_TAKEN = rf"(?!(?:{TAKEN.pattern})|(?:null|none|true|false|undefined|arn:)\b)"
_QUOTED = r"(?:(?!(?<!\\)(?P=quote)).)+"
_BARE = r"(?:[^\s\"',;&<>}\])]|[,;&](?!\s|[\w.-]+[=:])|[\"'](?=\w)|[}\])](?=\w)){3,}"
_ARN = r"arn:aws[a-z-]*:[\w./:*@${}\[\]-]*"
_SEPARATOR = rf"(?:{_QUOTE})?\s*(?:=>|%3D|[:=>])\s*"


@dataclass(frozen=True)
class SecretKind:
    """One kind of secret. `hints` are in small letters; `holds` decides on what the pattern alone cannot.

    `person`: what is found names somebody, and becomes a person's pseudonym. `actor`: and it acted on the account.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = bool
    person: bool = False
    actor: bool = False


def _keyed(words: str) -> re.Pattern[str]:
    """What follows a telling name: `DB_PASSWORD=x`, `"apiKey": "x"`, `--token x`; an ARN that holds the word stays."""
    named = rf"(?:(?<![\w-])--[\w-]*(?:{words})\s+|(?:{words}){_SEPARATOR})(?P<quote>{_QUOTE})?"
    return re.compile(rf"{_ARN}|(?:{named}){_NOT_TAKEN}(?P<secret>(?(quote){_QUOTED}|{_BARE}))", re.I | re.S)


def _is_card(text: str) -> bool:
    """Whether digits end in the check digit of a payment card (ISO/IEC 7812, Luhn)."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    return sum(digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(digits)) % 10 == 0


def _is_random(text: str) -> bool:
    """Whether forty characters are as mixed as a secret access key's; names are made of words and hashes of hex."""
    kinds = [
        key
        for key, _ in groupby(
            text, key=lambda character: (character.isupper(), character.islower(), character.isdigit())
        )
    ]
    return len(kinds) >= 15 and len(set(kinds)) >= 3 and not re.search(r"[a-z]{5}", text)


_TOKEN_BEFORE = "".join(
    f"(?<!{word})"
    for word in ("next", "expired", "invalid", "request", "client", "unexpected ", "continuation", "pagination")
)
_SCHEME = r"(?:Bearer|Basic|Token|Negotiate|ApiKey)"
_SIGNED = r"AWS4-HMAC-SHA256\s+Credential=\S+\s*SignedHeaders=\S+\s*Signature=\w+"

KINDS: tuple[SecretKind, ...] = (
    SecretKind(
        "item", tuple(f"{letter}{end}" for letter in "snb" for end in "\"'\\"),
        re.compile(
            rf"(?P<quote>{_QUOTE})[SNB](?P=quote)\s*:\s*(?P=quote){_NOT_TAKEN}(?P<secret>{_QUOTED})", re.S,
        ),
    ),
    SecretKind(
        "private_key", ("private key-",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
    ),
    SecretKind(
        "authorization", ("authorization", "cookie"),
        re.compile(
            rf"(?:authorization(?:{_QUOTE})?\s*[:=,]\s*(?P<quote>{_QUOTE})?{_NOT_TAKEN}"
            rf"(?P<secret>(?(quote){_QUOTED}|(?:{_SIGNED}|Digest[^\r\n]+|{_SCHEME}\s+[^\s\"',;]+|[^\s\"',;]{{6,}})))"
            rf"|cookie(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?{_NOT_TAKEN}(?P<cookie>[^\r\n\"']{{3,}}))", re.I | re.S,
        ),
    ),
    SecretKind(
        "authorization", ("bearer", "basic"),
        re.compile(
            r"\b(?:[Bb]earer|[Bb]asic|BEARER|BASIC)\s+"
            r"(?P<secret>(?=\S*(?:\d|=|[a-z][A-Z])|\S{20})[A-Za-z0-9+/_.~-]{12,}=*)"
        ),
    ),
    SecretKind(
        "presigned", ("signature=", "x-amz-", "sig="),
        re.compile(
            r"(?<=\?)(?P<secret>(?:[^\s\"'<>?]*&)?(?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|sig)="
            r"[^\s\"'<>]+)|X-Amz-(?:Signature|Credential)(?:[\"'])?\s*[:=]\s*(?:[\"'])?"
            rf"{_NOT_TAKEN}(?P<alone>[^\s\"'&<>]+)", re.I,
        ),
    ),
    SecretKind("secret_key", ("key",), _keyed(r"secret[_-]?(?:access[_-]?)?key")),
    SecretKind(
        "password", ("pass", "pwd", "secret", "key"),
        _keyed(r"passw(?:or)?d\w{0,12}|passphrase|pwd(?!\W*/)|(?<![:/])secret(?:string|value)?|api[_-]?key|private[_-]?key"),
    ),
    SecretKind(
        "password", ("passw",),
        re.compile(
            rf"(?<!\[)passw(?:or)?d\s+(?:is\s+)?(?P<quote>{_QUOTE})?{_NOT_TAKEN}"
            rf"(?P<secret>(?(quote){_QUOTED}|(?=[^\s\d]*\d)(?=\S*[A-Za-z]){_BARE}))", re.I,
        ),
    ),
    SecretKind("token", ("token",), _keyed(rf"{_TOKEN_BEFORE}token")),
    SecretKind(
        "password", ("://",),
        re.compile(rf"\b[a-z][a-z0-9+.-]{{1,20}}://[^\s/:@\"']*:{_NOT_TAKEN}(?P<secret>[^\s/\"']+)(?=@[\w.-])", re.I),
    ),
    SecretKind(
        "token", ("eyj",),
        re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,}\.(?:eyJ[\w-]{4,}|[\w-]{8,}(?=\.))(?:\.[\w-]*){0,3}"),
    ),
    SecretKind(
        "token", ("gh", "github_pat_", "xox", "sk_", "rk_", "aiza", "glpat-", "npm_", "sg.", "fwog", "fqog", "iqoj"),
        re.compile(
            r"(?<![A-Za-z0-9])(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abeoprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}"
            r"|AIza[\w-]{30,}|glpat-[\w-]{15,}|npm_\w{30,}|SG\.[\w-]{16,}\.[\w-]{16,}"
            r"|(?:FwoG|FQoG|IQoJ)[\w/+%-]{30,}=*)"
        ),
    ),
    SecretKind(
        "access_key", ("akia", "asia", "abia", "acca"),
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    SecretKind(
        "secret_key", (), re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"), holds=_is_random,
    ),
    SecretKind(
        "session", (":assumed-role/", ":federated-user/", "aroa"),
        re.compile(
            r"(?:(?<=:assumed-role/)[\w+=,.@-]+/|(?<=:)federated-user/|(?<![A-Z0-9])AROA[A-Z0-9]{7,}:)"
            rf"(?!awslambda_){_NOT_TAKEN}(?P<secret>[\w+=,.@-]*\w)"
        ),
        person=True, actor=True,
    ),
    SecretKind(
        "user", (":user/",), re.compile(rf"(?<=:user/){_NOT_TAKEN}(?P<secret>[\w+=,.@/-]*\w)"), person=True, actor=True,
    ),
    SecretKind(
        "email", ("@", "%40"),
        re.compile(r"(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"), person=True,
    ),
    SecretKind(
        "card", (),
        re.compile(
            r"(?<![A-Za-z0-9])(?<!\d[.-])(?:"
            r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|6[245]\d\d|35\d\d)(?:[ -]?\d{4}){3}"
            r"|3[47]\d\d[ -]?\d{6}[ -]?\d{5}|3(?:0[0-5]|[68]\d)\d[ -]?\d{6}[ -]?\d{4}"
            r")(?![A-Za-z0-9]|[.-]\d)"
        ),
        holds=_is_card,
    ),
)  # fmt: skip
"""Every kind, in the order they are looked for: what is named comes before what is known by its form."""


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
"""Metrics bring these by the ten thousand, and none holds a secret."""


@lru_cache(maxsize=8192)
def suspected(text: str) -> tuple[SecretKind, ...]:
    """Give the kinds that a text may hold, by their hints; the same names and ARNs come again and again."""
    if _INSTANT.fullmatch(text):
        return ()
    small = text.lower()
    return tuple(kind for kind in KINDS if not kind.hints or any(map(small.__contains__, kind.hints)))


SECRET_NAME = re.compile(
    r"[\w.-]*(?:passw(?:or)?d|passphrase|secret|secret_?(?:access_?)?key|secretstring|api_?key|private_?key"
    r"|(?:session|security|bearer|auth|access|refresh|id)_?token|token)",
    re.I,
)
"""A member of this name holds a secret, whatever it looks like."""

OPAQUE_NAME = re.compile(
    r"(?:next|client|request|continuation|pagination|clientrequest)\w*token|(?:next)?(?:marker|sharditerator)", re.I
)
"""A member of this name is a handle that goes back to AWS as it came."""
