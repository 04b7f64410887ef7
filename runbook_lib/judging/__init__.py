"""From verdicts to a diagnosis: causes, the loss clock, comparison, fallbacks, remedies, and the verdict as JSON.

Pure functions of evidence and findings. Nothing here asks AWS, knows a step, or says how a thing looks.
"""
