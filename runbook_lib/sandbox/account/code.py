"""What a function's code does with a stream record: digest it, or fail in one recognisable way."""

from dataclasses import dataclass

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.traffic import Write


@dataclass(frozen=True)
class Failure:
    """One way to fail, with the words the Python runtime logs for it.

    `killed`: the sandbox ran out of memory. `returned`: the handler ends well and its answer makes Lambda take the
    batch for failed, which is no error to anybody. `line` is what the log holds instead of Python's words, with
    `{request}` where the request's id stands.
    """

    error_type: str
    message: str
    trace: tuple[str, ...] = ()
    at_init: bool = False
    times_out: bool = False
    killed: bool = False
    returned: bool = False
    line: str = ""


@dataclass(frozen=True)
class Code:
    """A deployed artefact.

    `always` fails every invocation; `needs` names an image (`NewImage`, `OldImage`) the handler reads from every
    record that could have one, or, where it is `blind`, from those that never have one too; `chokes_on` a status it
    cannot make sense of, or an event (`REMOVE`) that it fails on as `choking` says, as it does on a `share` of all
    records. What it failed on `tries` times it digests then; 0: never. Only `hardy` code digests a poison record, which
    makes it fail as `poisoned` says. `seconds` is how long it takes over each record and `overhead` over each batch, 0
    for no time to speak of. `chatter` are lines that each invocation logs although nothing is wrong, with `{request}`
    where the request's id stands.
    """

    revision: str
    always: Failure | None = None
    needs: str | None = None
    chokes_on: str | None = None
    choking: Failure | None = None
    hardy: bool = False
    poisoned: Failure | None = None
    seconds: float = 0.0
    overhead: float = 0.0
    chatter: tuple[str, ...] = ()
    blind: bool = False
    share: float = 0.0
    tries: int = 0

    @property
    def slow(self) -> bool:
        """Whether it takes so long that the next batch of a shard has to wait."""
        return self.seconds > 0 or self.overhead > 0

    @property
    def sound(self) -> bool:
        """Whether only a poison record can make it fail."""
        return self.always is None and self.needs is None and self.chokes_on is None and not self.share

    def failure(self, write: Write, view_type: str) -> Failure | None:
        """How this code fails on this record of a stream of this view type; None when it succeeds."""
        if self.always is not None:
            return self.always
        if write.poison and not self.hardy:
            return self.poisoned or INDIGESTIBLE
        if self.chokes_on in (write.status, write.event) or self._in_share(write):
            return self.choking or Failure(
                "ValueError",
                f"unknown order status '{write.status}'",
                (
                    '  File "/var/task/app.py", line 38, in handler',
                    '    raise ValueError(f"unknown order status {status!r}")',
                ),
            )
        if self.needs is not None and self._lacks(write, view_type):
            return Failure(
                "KeyError",
                f"'{self.needs}'",
                ('  File "/var/task/app.py", line 31, in handler', f'    image = record["dynamodb"]["{self.needs}"]'),
            )
        return None

    def _in_share(self, write: Write) -> bool:
        """Whether the record is of the share that it fails on, by chance and always the same."""
        return self.share > 0 and noise.unit(0, "share", write.sequence_number) < self.share

    def _lacks(self, write: Write, view_type: str) -> bool:
        wanted = {"NewImage": "NEW", "OldImage": "OLD"}[str(self.needs)]
        never_has_one = "REMOVE" if self.needs == "NewImage" else "INSERT"
        if write.event == never_has_one:
            return self.blind
        return view_type not in (f"{wanted}_IMAGE", "NEW_AND_OLD_IMAGES")


INDIGESTIBLE = Failure(
    "ValueError",
    "could not convert string to float: 'n/a'",
    ('  File "/var/task/app.py", line 44, in handler', '    total = float(image["total"]["S"])'),
)
MISSING_MODULE = Failure(
    "Runtime.ImportModuleError",
    "Unable to import module 'app': No module named 'pydantic'",
    at_init=True,
)
TIMEOUT = Failure("Sandbox.Timedout", "Task timed out", times_out=True)
OUT_OF_MEMORY = Failure("Runtime.ExitError", "Runtime exited with error: signal: killed", killed=True)
BROKEN_HANDLER = Failure(
    "KeyError",
    "'customer_tier'",
    ('  File "/var/task/app.py", line 27, in handler', '    tier = SETTINGS["customer_tier"]'),
)
MISREPORTED = Failure("", "the handler names failed records by a key that Lambda does not know", returned=True)
STATELESS = Failure("", "the handler returns no state for its tumbling window", returned=True)

SOUND = Code("r41")
"""Code that digests every well-formed record."""
HARDY = Code("r17", hardy=True)
"""Code that digests whatever comes."""
