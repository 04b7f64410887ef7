"""Reading an executed document into typed parts."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode
from report_samples import TITLES, code_cell, executed, finding, shown_cell, step_stack, text_cell

from runbook_lib.report import sections
from runbook_lib.report.sections import AddedOutput, CellFailure, Heading, MarkdownText, Section, ShownBlock
from runbook_lib.showing import blocks

NAME = "03_event_source_mappings"


def read(*cells: NotebookNode) -> Section:
    """Read a document of one notebook with these cells."""
    return sections.read(nbformat.v4.new_notebook(cells=list(cells)))[0]


def output(kind: str, **given: object) -> NotebookNode:
    """Make an output."""
    return nbformat.v4.new_output(kind, **given)


def shows(**data: str) -> NotebookNode:
    """Make an output that shows data, MIME types written with `_` for `/`."""
    return output("display_data", data={kind.replace("_", "/"): value for kind, value in data.items()})


def test_sections_keep_the_order_of_the_document() -> None:
    """There is one section per notebook, in document order, titled by its first heading."""
    titles = [section.title for section in sections.read(executed())]
    assert titles == [*(f"Step {n} — {title}" for n, title in enumerate(TITLES, 1)), "Diagnosis"]


def test_blocks_are_read_from_their_own_type() -> None:
    """A block is taken from the kit's MIME type, with its plain text beside it."""
    part = read(shown_cell(finding(), "a", NAME)).parts[0]
    assert isinstance(part, ShownBlock)
    assert part.block["id"] == "mapping-disabled"
    assert "mapping-disabled" in part.text


@pytest.mark.parametrize(
    ("shown", "form", "content"),
    [
        (output("stream", name="stdout", text="a\x1b[31mb\n"), "text", "ab"),
        (shows(text_html="<b>x</b>", text_plain="x"), "html", "<b>x</b>"),
        (shows(text_markdown="**x**", text_plain="x"), "markdown", "**x**"),
        (shows(text_plain="x\x00y"), "text", "x\\x00y"),
        (shows(image_png="iVBOR", text_plain="<Figure>"), "png", "iVBOR"),
        (shows(text_plain="left\u202eright"), "text", "left\\u202eright"),
    ],
)
def test_other_outputs_are_additions(shown: NotebookNode, form: str, content: str) -> None:
    """Whatever has not the kit's type is an investigator's, kept with its code, in the richest safe form."""
    assert read(code_cell([shown], "a", NAME, "mine()")).parts == (AddedOutput("mine()", form, content),)


def test_javascript_is_passed_over() -> None:
    """An output with no form that the page can show leaves nothing."""
    assert read(code_cell([shows(application_javascript="alert(1)")], "a", NAME, "x")).parts == ()


def test_errors_are_failures() -> None:
    """A cell that raised is a failure with its name, its message and a traceback without colours."""
    error = output("error", ename="KeyError", evalue="'x'", traceback=["\x1b[31mline\x1b[0m", "end"])
    section = read(code_cell([error], "a", NAME, "x"))
    assert section.failures == (CellFailure("KeyError", "'x'", "line\nend"),)
    assert not section.is_examined


def test_unrun_cells_are_failures() -> None:
    """A cell without an execution count never ran, and that is not silence."""
    cell = code_cell([], "a", NAME, "x")
    cell.execution_count = None
    assert read(cell).failures[0].name == "NotRun"


def test_failed_setup_fails_every_section() -> None:
    """When the set-up fails, each section says so once, instead of what failed because of it."""
    document = executed()
    setup = code_cell([output("error", ename="BadParameters", evalue="no", traceback=[])], "setup", "", "open()")
    setup.metadata = NotebookNode({"tags": ["setup"]})
    document.cells.insert(0, setup)
    assert {tuple(f.name for f in section.failures) for section in sections.read(document)} == {("BadParameters",)}


def test_gap_means_not_fully_examined() -> None:
    """A section with a gap in any of its blocks is not fully examined; one without is."""
    assert not read(shown_cell(step_stack(5), "a", NAME)).is_examined
    assert read(shown_cell(step_stack(2), "a", NAME)).is_examined


def test_leading_headings_split_from_prose() -> None:
    """Headings at the start of a cell become headings, the rest stays prose; the title is no part."""
    section = read(text_cell("# Title\n\n## First\n\ntext\n\n### Deep", "a", NAME))
    assert section.title == "Title"
    assert section.parts == (Heading(2, "First"), MarkdownText("text\n\n### Deep"))


def test_chapters_begin_at_second_level() -> None:
    """Chapters split at headings of level 2; what stands before has no title."""
    section = read(
        text_cell("# T\n\nlead", "a", NAME), text_cell("## One\n\nx", "b", NAME), text_cell("### In one", "c", NAME)
    )
    assert section.chapters() == (("", (MarkdownText("lead"),)), ("One", (MarkdownText("x"), Heading(3, "In one"))))


def test_pictures_join_their_chart() -> None:
    """A chart's picture, which stands beside its JSON in the notebook, is part of the block that is read."""
    chart = blocks.Chart("c", "T", "alt", (), 10, 10, b"\x89PNG")
    part = read(shown_cell(chart, "a", NAME)).parts[0]
    assert isinstance(part, ShownBlock)
    assert part.block["png"] == chart.png_base64


REPEATING = {
    "block": "stack",
    "title": "Step 6: Stream backlog",
    "blocks": [{"block": "prose", "paragraphs": ["Do records wait?"]}],
}


@pytest.mark.parametrize(
    ("heading", "title", "blocks_left"),
    [
        ("# Step 6 — Stream backlog\n\n## Do records wait?", None, 0),
        ("# Step 6 — Stream backlog\n\n## Another question", None, 1),
        ("# Step 7 — Other\n\n## Do records wait?", "Step 6: Stream backlog", 0),
    ],
)
def test_a_block_does_not_repeat_its_heading(heading: str, title: str | None, blocks_left: int) -> None:
    """A stack loses its title and its first sentence where a heading above has said them, and only there."""
    output_ = output("display_data", data={blocks.MIME: REPEATING, "text/plain": "x"})
    part = read(text_cell(heading, "a", "06_x"), code_cell([output_], "b", "06_x", "x")).parts[-1]
    assert isinstance(part, ShownBlock)
    assert (part.block["title"], len(part.block["blocks"])) == (title, blocks_left)
