"""An executed document and a run's meta, built by hand: what the report's tests and looks are made from."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta

import nbformat
from nbformat import NotebookNode
from PIL import Image, ImageDraw

from runbook_lib.archive.record import RecordedCall
from runbook_lib.report.render import EvidenceFile, Meta
from runbook_lib.showing import blocks

AS_OF = datetime(2026, 3, 15, 4, 43, tzinfo=UTC)
UUID = "5f1c2d3e-0000-4000-8000-00000000a001"


def png(width: int = 1920, height: int = 1040) -> bytes:
    """Draw something of the size and grain of a chart."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    steady = random.Random(3)
    for panel in range(4):
        top = 20 + panel * height // 4
        for x in range(80, width - 20, 6):
            draw.line((x, top + 220, x, top + 220 - steady.randrange(20, 180)), fill="#0072B2")
        draw.line((80, top + 221, width - 20, top + 221), fill="black", width=2)
    out = io.BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def chart(slug: str, title: str) -> blocks.Chart:
    """Make a chart block."""
    alt = "Writes go on while invocations end at 13:57 UTC and never return."
    words = ("Writes: median 118 a minute before and after the onset.", "Invocations: none after 13:57 UTC.")
    return blocks.Chart(slug, title, alt, words, 960, 520, png())


def calls(count: int = 40) -> tuple[RecordedCall, ...]:
    """Make recorded calls; the first is the one that evidence refers to."""
    names = [("lambda", "ListEventSourceMappings"), ("dynamodb", "DescribeTable"), ("cloudwatch", "GetMetricData")]
    made = []
    for number in range(count):
        service, operation = names[number % 3]
        made.append(
            RecordedCall(
                ref=f"{operation}-{number:08x}",
                page=1,
                step=f"{number % 9 + 1:02d}-step",
                service=service,
                operation=operation,
                region="eu-west-1",
                params={"FunctionName": "orders-projector", "MaxItems": 100},
                started="2026-03-15T04:43:01.250Z",
                ms=48 + number,
                request_id=f"00000000-0000-4000-8000-{number:012d}",
                retries=number % 2,
                response=None if number == 7 else {"EventSourceMappings": [{"UUID": UUID, "State": "Disabled"}] * 6},
                error={"code": "AccessDeniedException", "message": "not authorized"} if number == 7 else None,
                redacted={"name": 1} if number == 3 else None,
            )
        )
    return tuple(made)


MAPPING_REF = "ListEventSourceMappings-00000000"


def verdict() -> blocks.VerdictBlock:
    """Make the verdict of a mapping that a person switched off."""
    sentence = "The event source mapping was disabled by a person, so nothing polls the stream."
    left = (
        "The oldest undelivered records are lost from 2026-03-15 13:55 UTC: 9 h 12 min left as of 2026-03-15 04:43 UTC."
    )
    return blocks.VerdictBlock(
        "fault",
        sentence,
        "proved",
        blocks.LossBlock("at_risk", left, "2026-03-15T13:55:00Z"),
        f"Enable the mapping again: aws lambda update-event-source-mapping --region eu-west-1 --uuid {UUID} --enabled",
        ("Changes of the last 15 minutes: CloudTrail had not delivered them yet.",),
        "2026-03-15T04:43:00Z",
    )


def finding() -> blocks.FindingBlock:
    """Make a cause with evidence and a remedy."""
    return blocks.FindingBlock(
        "cause",
        "mapping-disabled",
        "The event source mapping is disabled",
        "proved",
        "A disabled mapping polls no shard, so records age out of the stream unread.",
        (
            blocks.Reason("State is Disabled since 13:56 UTC: user initiated.", (MAPPING_REF,)),
            blocks.Reason(
                "12,408 writes in 14 h 48 min and no invocation after 13:57 UTC.", ("GetMetricData-00000002",)
            ),
            blocks.Reason("person-3fa9c1 called UpdateEventSourceMapping at 13:56:12 UTC.", ("LookupEvents-deadbeef",)),
        ),
        (),
        (),
        (
            blocks.RemedyBlock(
                "R1",
                "Enable the mapping again",
                f"aws lambda update-event-source-mapping --region eu-west-1 --uuid {UUID} --enabled",
                "The backlog arrives at once: expect a burst of invocations, throttles and downstream load.",
                "Resumes where it stopped; records older than 24 hours are gone.",
                "Within two minutes Invocations and IteratorAge have datapoints again.",
            ),
        ),
        (3, 8),
    )


def changes() -> blocks.TableBlock:
    """Make the table of changes."""
    columns = (
        blocks.Column("UTC", "time"),
        blocks.Column("Source"),
        blocks.Column("Actor"),
        blocks.Column("What"),
        blocks.Column("Before onset", "number"),
    )
    rows = tuple(
        (
            f"2026-03-14 13:{minute:02d}:12",
            "CloudTrail",
            "arn:aws:sts::123456789012:assumed-role/operator/person-3fa9c1",
            what,
            f"{57 - minute} min",
        )
        for minute, what in ((12, "Updated code of orders-projector"), (56, f"Disabled mapping {UUID}"))
    )
    return blocks.TableBlock(
        "Changes to the trigger's own objects", columns, rows, "Two of 214 events concern us.", (MAPPING_REF,)
    )


def step_stack(number: int) -> blocks.Stack:
    """Make what a step shows."""
    facts = (
        blocks.Fact(
            "Stream ARN",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-04T09:12:44.318",
            MAPPING_REF,
        ),
        blocks.Fact("View type", "NEW_AND_OLD_IMAGES"),
        blocks.Fact("Retention", "24 hours"),
    )
    answer = blocks.Prose(("Yes: one mapping connects the stream to orders-projector, and it is disabled.",), "answer")
    meaning = blocks.Prose(
        ("A disabled mapping reads nothing. Whoever disabled it may have meant it as a pause.",), "meaning"
    )
    gap = blocks.Prose(("lambda:GetFunctionConcurrency was denied. Grant lambda:GetFunctionConcurrency.",), "gap")
    parts: tuple[blocks.Block, ...] = (answer, blocks.Facts("The mapping", facts), changes(), meaning)
    return blocks.Stack(None, (*parts, gap) if number == 5 else parts)


def shown_cell(block: blocks.Block, cell_id: str, notebook: str, source: str = "seen") -> NotebookNode:
    """Make a code cell that was executed and showed a block."""
    output = nbformat.v4.new_output("execute_result", data=block._repr_mimebundle_(), execution_count=1)
    return code_cell([output], cell_id, notebook, source)


def code_cell(outputs: list[NotebookNode], cell_id: str, notebook: str, source: str) -> NotebookNode:
    """Make an executed code cell of one notebook."""
    cell = nbformat.v4.new_code_cell(source, id=cell_id, outputs=outputs, execution_count=1)
    cell.metadata = NotebookNode({"runbook": {"notebook": notebook}})
    return cell


def text_cell(markdown: str, cell_id: str, notebook: str) -> NotebookNode:
    """Make a markdown cell of one notebook."""
    cell = nbformat.v4.new_markdown_cell(markdown, id=cell_id)
    cell.metadata = NotebookNode({"runbook": {"notebook": notebook}})
    return cell


TITLES = (
    "Table and service health",
    "Stream specification",
    "Event source mappings",
    "Function logs",
    "Execution role",
    "Stream backlog",
    "Function metrics",
    "Mapping status",
    "Configuration changes",
)


def executed() -> NotebookNode:
    """Make a whole executed document: nine steps, one of which failed, and a diagnosis."""
    cells = []
    for number, title in enumerate(TITLES, start=1):
        name = f"{number:02d}_{title.lower().replace(' ', '_')}"
        cells.append(
            text_cell(f"# Step {number} — {title}\n\n> Playbook step {number}: look at it.", f"{number}-t", name)
        )
        cells.append(text_cell("## Does it say why?", f"{number}-q", name))
        if number == 4:
            error = nbformat.v4.new_output(
                "error", ename="KeyError", evalue="'message'", traceback=["\x1b[31mKeyError\x1b[0m", "line 1"]
            )
            cells.append(code_cell([error], f"{number}-c", name, "investigation.observe(4)"))
        else:
            cells.append(shown_cell(step_stack(number), f"{number}-c", name))
    name = "10_diagnosis"
    cells += [
        text_cell("# Diagnosis", "10-t", name),
        shown_cell(verdict(), "10-v", name),
        text_cell("## Causes", "10-a", name),
        shown_cell(finding(), "10-b", name),
        text_cell("## What could not be seen", "10-c", name),
        shown_cell(blocks.Prose(("CloudTrail had not delivered the last 15 minutes.",), "gap"), "10-d", name),
        text_cell("## Correlation timeline\n\nOne clock for metrics, changes and states.", "10-e", name),
        shown_cell(chart("overview", "Overview: 24 hours before the alarm"), "10-f", name),
        shown_cell(
            blocks.Stack(None, (chart("zoom", "Zoom: 30 minutes before the onset, 60 after"), changes())), "10-g", name
        ),
        text_cell("## Ruled out", "10-h", name),
        shown_cell(changes(), "10-i", name),
        code_cell(
            [nbformat.v4.new_output("stream", name="stdout", text="my own count: 12\n")],
            "10-j",
            name,
            "print('my own count:', 12)",
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def meta(**changed: object) -> Meta:
    """Make the meta of a run."""
    given: dict[str, object] = {
        "parameters": {
            "incident_id": "INC-2026-0314",
            "region": "eu-west-1",
            "table_name": "orders",
            "function_name": "orders-projector",
            "lookback_hours": 24,
            "archive": "archive",
        },
        "as_of": AS_OF,
        "start": AS_OF - timedelta(hours=24),
        "end": AS_OF,
        "kit_version": "0.1.0",
        "identity": {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/oncall/person-01ab23"},
        "files": (
            EvidenceFile("evidence/00-run.jsonl", 412, "ab" * 32),
            EvidenceFile("evidence/02-stream.jsonl", 18_200, "cd" * 32),
        ),
        "calls": calls(),
        "headline": verdict().to_json(),
    }
    return Meta(**(given | changed))  # type: ignore[arg-type]
