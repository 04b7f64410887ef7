"""The pages about findings, faults and permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from pieces import NOT_YET, code, codes, document, link, table
from runbook_lib import alarm
from runbook_lib.findings import FINDINGS, Finding
from runbook_lib.findings.explained import explain
from runbook_lib.findings.modes import MODES
from runbook_lib.findings.unseen import UNSEEN
from runbook_lib.judging.remedies import prescribe
from runbook_lib.judging.remedy_cards import Remedy
from runbook_lib.permissions import PEEK_ONLY
from runbook_lib.permissions import policy as least_privilege
from runbook_lib.sandbox import Fault, all_faults
from runbook_lib.steps import STEPS

STAGES = {
    "source": "Source: is anything written, and recorded in a stream?",
    "expectations": "Expectations: does a trigger promise what was expected of it?",
    "mapping": "Mapping: is the stream fetched, and what is passed on?",
    "authorization": "Authorization: may the function's role read the stream?",
    "function": "Function: can it be invoked?",
    "capacity": "Capacity: is there room to invoke it?",
    "loops": "Loops: does the function make its own work?",
    "processing": "Processing: does an invocation succeed?",
    "visibility": "Visibility: does it only look as if nothing happened?",
    "platform": "Platform: is AWS itself well?",
}


def named_by(fault: Fault) -> tuple[str, ...]:
    """Every finding that a good diagnosis of this fault names, the cause first."""
    cause = (fault.expects,) if fault.expects else ()
    return tuple(dict.fromkeys((*cause, *fault.contributing, *fault.symptoms, *fault.notes)))


def covering(finding_id: str) -> tuple[str, ...]:
    """The faults of the sandbox in whose diagnosis this finding must appear."""
    return tuple(fault.id for fault in all_faults().values() if finding_id in named_by(fault))


def fault_links(ids: tuple[str, ...], faults_page: str = "faults.md") -> str:
    """Link to faults, or say that there is none."""
    return ", ".join(link(code(fault_id), f"{faults_page}#{fault_id}") for fault_id in ids) or NOT_YET


def findings() -> str:
    """The index of findings, by stage of the pipe."""
    intro = (
        "A finding is one fault that the runbook knows how to recognise. Its id is public: verdicts, tests and other"
        " people's runbooks quote it. `runbook findings ID` prints the same in the terminal.\n\n"
        "A *cause* stops or breaks the trigger by itself. A *contributing factor* makes it worse or more likely. A"
        " *symptom* follows from a cause and is never named as one. *Not a cause* explains why nothing is wrong.\n\n"
        f"The same by what went wrong: {link('failure modes', '../failure-modes.md')}."
    )
    parts = []
    for module, members in groupby(FINDINGS.values(), lambda finding: finding.module.split("/")[0]):
        rows = (
            (
                link(code(finding.id), f"{finding.id}.md"),
                finding.title,
                str(finding.kind),
                fault_links(covering(finding.id), "../faults.md"),
            )
            for finding in members
        )
        parts.append(
            f"## {STAGES[module]}\n\n{table(('finding', 'what it says', 'kind', 'faults that show it'), rows)}"
        )
    return document("Findings", intro, *parts, _unseen())


def _unseen() -> str:
    """The section about what no finding can recognise."""
    intro = (
        "What breaks a trigger and cannot be read from AWS, wholly or in part. A verdict that names nothing of the kind"
        " does not rule it out."
    )
    rows = (
        (unseen.what, unseen.why, link(code(unseen.finding), f"{unseen.finding}.md") if unseen.finding else "none")
        for unseen in UNSEEN
    )
    return f"## What AWS does not show\n\n{intro}\n\n{table(('not seen', 'why', 'finding that shows the rest'), rows)}"


def each_finding() -> Iterator[tuple[str, str]]:
    """The id and the page of every finding."""
    for finding in FINDINGS.values():
        yield finding.id, _finding(finding)


def _finding(finding: Finding) -> str:
    path = f"runbook_lib/findings/{finding.module}.py"
    facts = [
        f"* **Kind**: {finding.kind}",
        f"* **Failure mode**: {_modes(finding)}",
        f"* **Stops the pipe at**: {finding.stops.value.replace('_', ' ') if finding.stops else 'no stage by itself'}",
        f"* **Seen in**: {'; '.join(f'step {n}, {STEPS[n].title.lower()}' for n in finding.reads)}",
        f"* **Diagnosis clauses of the playbook**: {', '.join(map(str, finding.diagnosis)) or 'none'}",
        f"* **Set off by**: {_set_off(finding)}",
        f"* **Try it**: {_try(finding.id)}",
        f"* **Recognised in**: {link(code(path), f'../../{path}')}",
        f"* **Source**: <{finding.source}>" if finding.source.startswith("http") else f"* **Source**: {finding.source}",
    ]
    remedies = [_remedy(each) for each in prescribe(finding.remedies, {}, latest=False)]
    reasons = explain(finding)
    known = "## How we know\n\n" + _listed(reasons.known_by)
    refuted = "## What would refute it\n\n" + _listed(reasons.refuted_by)
    what_to_do = "## What to do\n\n" + ("\n\n".join(remedies) or "Nothing by itself.")
    return document(finding.id, f"**{finding.title}.**", finding.why, "\n".join(facts), known, refuted, what_to_do)


def _modes(finding: Finding) -> str:
    named = (f"{link(mode, f'../failure-modes.md#{mode}')}: {MODES[mode].name}" for mode in finding.modes)
    return "; ".join(named) or "none; it follows from others"


def _listed(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"* {sentence}" for sentence in sentences)


def _set_off(finding: Finding) -> str:
    if not finding.set_off_by:
        return "no configuration change"
    return f"{codes(finding.set_off_by)}, up to {_span(finding.lag)} before the harm begins"


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part) or "0 min"


def _try(finding_id: str) -> str:
    return codes(f"make demo FAULT={fault}" for fault in covering(finding_id)) if covering(finding_id) else NOT_YET


def _remedy(remedy: Remedy) -> str:
    notes = (("Risk", remedy.risk), ("Effect", remedy.effect), ("Before", remedy.precondition), ("Check", remedy.check))
    lines = "\n".join(f"* **{name}**: {text}" for name, text in notes if text)
    return f"### {remedy.id}: {remedy.title}\n\n```sh\n{remedy.command}\n```\n\n{lines}"


def faults() -> str:
    """The page of the sandbox's faults."""
    intro = (
        "Each fault is a healthy AWS account with one thing gone wrong, served on this machine only."
        " `make demo FAULT=name` investigates one; `runbook sandbox name` keeps it up for you to look at. The columns"
        " say what a good diagnosis names."
    )
    rows = (
        (
            f'<a id="{fault.id}"></a>{code(fault.id)}',
            fault.story,
            _finding_links((fault.expects,) if fault.expects else ()),
            _finding_links(tuple(name for name in named_by(fault) if name != fault.expects)),
            code(fault.set_off_by) if fault.set_off_by else "-",
            fault.loss.replace("_", " "),
        )
        for fault in all_faults().values()
    )
    header = ("fault", "story", "cause", "also named", "change in the trail", "records")
    return document("Faults of the sandbox", intro, table(header, rows))


def _finding_links(ids: tuple[str, ...]) -> str:
    return ", ".join(finding_link(finding_id) for finding_id in ids) or "-"


def finding_link(finding_id: str, below: str = "findings/") -> str:
    """Link to the page of a finding; one that is not built yet is said to be so."""
    if finding_id not in FINDINGS:
        return f"{code(finding_id)} ({NOT_YET})"
    return link(code(finding_id), f"{below}{finding_id}.md")


def policy() -> str:
    """The investigator's policy document."""
    return json.dumps(least_privilege(), indent=2) + "\n"


def permissions() -> str:
    """The page about the investigator's policy: what each permission is for, and what its absence costs."""
    actions = sorted({action for step in STEPS.values() for action in step.permissions})
    intro = (
        "Everything an investigation reads, and nothing else, gathered from what the nine steps declare."
        f" `runbook policy` prints it; {link('iam-policy.json', 'iam-policy.json')} is the same document. STS is asked"
        " who is calling as well, which needs no permission.\n\n"
        "Every one of them can be missing. What then could not be seen is listed in the report as a gap, with the"
        " permission to ask for, and the verdict weakens to *undetermined* where it mattered; it never turns to"
        " *no fault*."
    )
    rows = (
        (code(action), ", ".join(f"{n} ({STEPS[n].title.lower()})" for n in STEPS if action in STEPS[n].permissions))
        for action in actions
        if action not in PEEK_ONLY
    )
    peek = sorted(PEEK_ONLY & set(actions))
    only = f"`--peek` samples stream records and needs {codes(peek)} as well." if peek else ""
    more = sorted(set(alarm.PERMISSIONS) - set(actions))
    way = (
        f"The way {link('from an alarm', 'operating.md#from-an-alarm')} needs {codes(more)} as well;"
        " `runbook policy --with-alarms` prints the policy with them."
    )
    return document("Permissions", intro, table(("action", "read by step"), rows), only, way)


def without_fault() -> tuple[str, ...]:
    """The findings that no fault of the sandbox shows yet."""
    return tuple(finding.id for finding in FINDINGS.values() if not covering(finding.id))
