"""What findings measure with: the pipe stage by stage, what waits, the onset, the change that set a fault off, and the
thresholds of it all.

Everything here is a pure function of evidence. Nothing here names a fault, judges, or asks AWS.
"""
