"""Every trigger of many regions and accounts: a triage verdict for each by the same findings, in few calls."""
