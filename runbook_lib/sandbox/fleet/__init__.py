"""Many at once: a region of triggers by the hundred, and several accounts behind one endpoint.

Built of worlds and their answers. Nothing outside `server` and tests looks in here.
"""
