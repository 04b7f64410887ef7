"""What people see, as data: prose, facts, tables, the verdict, findings, charts, and stacks of them.

A block says itself three ways and always says the same: typed JSON for the report, escaped HTML for JupyterLab, plain
text for the terminal. The report trusts the JSON alone, so nothing that AWS says is ever
"""

from runbook_lib.showing.blocks.base import MIME, Block
from runbook_lib.showing.blocks.composed import Chart, Stack
from runbook_lib.showing.blocks.judged import Because, Finding, Loss, Remedy, Verdict
from runbook_lib.showing.blocks.plain import Column, ColumnKind, Fact, Facts, Prose, Style, Table
from runbook_lib.showing.markup import visible

__all__ = [
    "MIME",
    "Because",
    "Block",
    "Chart",
    "Column",
    "ColumnKind",
    "Fact",
    "Facts",
    "Finding",
    "Loss",
    "Prose",
    "Remedy",
    "Stack",
    "Style",
    "Table",
    "Verdict",
    "visible",
]
