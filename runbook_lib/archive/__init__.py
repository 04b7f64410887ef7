"""What is kept of a run, and what is taken out first: the record of every call, redaction, checksums.

Everything that is written to a run folder passes here. Nothing here asks AWS or knows what an answer means.
"""
