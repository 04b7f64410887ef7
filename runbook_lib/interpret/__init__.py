"""AWS's own languages, read into meaning: ARNs, IAM policies, filters, log lines, trail events, mapping results.

A number is said here with what it counts, too. Pure functions over text and JSON. Nothing here does I/O, reads a clock, or imports the rest of the kit but `instant`.
"""
