"""What AWS measures and writes down of a world: metrics, log lines, the trail's history, states of alarms.

Derived from the account and the pipe alone. Nothing here is asked for: see `answers`.
"""
