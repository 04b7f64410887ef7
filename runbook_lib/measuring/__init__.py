"""What findings measure with: the pipe stage by stage, the onset, and the change that set a fault off.

Everything here is a pure function of evidence. Nothing here names a fault, judges, or asks AWS.
"""
