"""Runs: one investigation, a notebook's session, one incident, a batch, a fleet of workers, and what leaves them.

Here the rooms are put together. Nothing here reads an answer of AWS or judges one.
"""
