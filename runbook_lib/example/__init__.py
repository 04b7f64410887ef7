"""The fictional incident that ships with the kit, recorded once, so that everything can be tried without AWS.

`evidence/` is the evidence folder of a run against the sandbox (`make example` records it anew).
Nothing here is made by hand, or names anything real.
"""

from __future__ import annotations

import os
from pathlib import Path

INCIDENT_ID = "INC-EXAMPLE"
EVIDENCE = Path(__file__).parent / "evidence"


def is_example(incident_id: str) -> bool:
    """Whether these parameters mean the recorded incident; with an endpoint set, they mean what answers there."""
    return incident_id == INCIDENT_ID and not os.environ.get("AWS_ENDPOINT_URL")
