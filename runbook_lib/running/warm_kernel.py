"""What a replaying kernel does while the evidence is still on its way, so that no cell has to."""

from __future__ import annotations

import string

from runbook_lib import charts  # noqa: F401
from runbook_lib.running import session  # noqa: F401
from runbook_lib.showing import canvas


def warm() -> None:
    """Import what every run imports, and draw once what every picture holds: matplotlib loads fonts when it must."""
    with canvas.drawing(1.0) as figure:
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        axes.set_xticks([0.5], ["0"])
        axes.plot([0, 1], [0, 1], label="line")
        axes.axvspan(0, 1, hatch="////")
        axes.legend()
        for weight in ("normal", "bold"):
            figure.text(0, 0, string.printable.strip(), fontweight=weight)
        canvas.png(figure)
