"""The front door of the sandbox: a WSGI application that speaks the wire protocols of AWS."""

from __future__ import annotations

from runbook_lib.sandbox.call import Call

__all__ = ["Call"]
