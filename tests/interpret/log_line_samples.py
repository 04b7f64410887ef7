"""The forms in which Lambda writes log lines, for tests: text and JSON, of Python and of Node.js."""

from __future__ import annotations

import json
from typing import Any

ID = "0b1c2d3e-1111-4222-8333-444455556666"
AT = "2026-03-02T04:43:07.123Z"
PYTHON = f"[{{level}}]\t{AT}\t{ID}\t{{said}}"
NODE = f"{AT}\t{ID}\t{{level}}\t{{said}}"
TRACE = 'Traceback (most recent call last):\n  File "/var/task/app.py", line 9, in handler\n    {code}\n{raised}'
REPORT = f"REPORT RequestId: {ID}\tDuration: {{ms}} ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
REPORT += "Max Memory Used: {used} MB\t"


def node_error(kind: str, said: str) -> str:
    """Give the line in which the Node.js runtime logs an error that left the handler."""
    error = json.dumps({"errorType": kind, "errorMessage": said, "stack": [f"{kind}: {said}", "    at handler"]})
    return NODE.format(level="ERROR", said=f"Invoke Error \t{error}")


def platform_record(event: str, **record: Any) -> str:
    """Give an event of the platform as it logs it in JSON."""
    return json.dumps({"time": AT, "type": f"platform.{event}", "record": record})


def app_record(**members: Any) -> str:
    """Give what the function logs in JSON."""
    return json.dumps({"timestamp": AT, "requestId": ID, **members})
