"""Notebooks in, one page out: join, execute with papermill, read the outputs, render, export.

Nothing here asks AWS or judges; heavy libraries are imported when a report is made, and not before.
"""
