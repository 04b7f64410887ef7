"""Many at once: a region of triggers by the hundred, and several accounts behind one endpoint.

Built of worlds and their answers. Nothing here is known to `server`, which serves one world or many alike.
"""
