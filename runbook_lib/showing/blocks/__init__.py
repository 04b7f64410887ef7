"""What people see, as data: prose, facts, tables, the verdict, findings, charts, and stacks of them.

A block says itself three ways and always says the same: typed JSON for the report, escaped HTML for JupyterLab, plain
text for the terminal. The report trusts the JSON alone, so nothing that AWS says is ever
"""

from runbook_lib.showing.blocks.base import MIME, Block
from runbook_lib.showing.blocks.composed import Chart, Stack
from runbook_lib.showing.blocks.judged import FindingBlock, LossBlock, Reason, RemedyBlock, VerdictBlock
from runbook_lib.showing.blocks.plain import Column, ColumnKind, Fact, Facts, Prose, Style, TableBlock
from runbook_lib.showing.markup import visible

__all__ = [
    "MIME",
    "Block",
    "Chart",
    "Column",
    "ColumnKind",
    "Fact",
    "Facts",
    "FindingBlock",
    "LossBlock",
    "Prose",
    "Reason",
    "RemedyBlock",
    "Stack",
    "Style",
    "TableBlock",
    "VerdictBlock",
    "visible",
]
