"""AWS's own languages, read into meaning: ARNs, IAM policies, filters, log lines, trail events, mapping results.

Pure functions over text and JSON: no I/O, no clock, and no import from the rest of the kit.
"""
