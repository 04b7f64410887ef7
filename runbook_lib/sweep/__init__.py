"""Every trigger of many regions and accounts: a triage verdict for each by the same findings, in few calls.

Nothing here recognises a fault of its own: what a trigger lacks to be judged is left open.
"""
