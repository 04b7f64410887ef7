"""What tests of the sandbox share."""

from collections.abc import Iterator

import pytest
from served import TRAIL, Clients, clients_of, recent

from runbook_lib.sandbox import Setting


@pytest.fixture(scope="session")
def healthy() -> Iterator[Clients]:
    """Clients to a healthy world on an alias, with its trail in CloudWatch Logs."""
    with clients_of(recent(setting=Setting(alias="live"), cloudtrail_log_group=TRAIL)) as clients:
        yield clients
