"""AWS's own languages, read into meaning: ARNs, IAM policies, filters, log lines, trail events, mapping results.

Pure functions over text and JSON; how a number is said with what it counts is here, too. Nothing here does I/O, reads a
clock, or imports the rest of the kit but `instant`.
"""
