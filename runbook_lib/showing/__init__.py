"""How things show themselves: blocks as JSON, HTML and text, the time axis, and the canvas of a picture.

Nothing here knows the engine's words for faults and steps, or where the evidence came from.
"""
