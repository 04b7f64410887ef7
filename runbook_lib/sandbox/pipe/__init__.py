"""What becomes of every write: the poller, filters, permissions, capacity, batches and retries.

The truth of the world's history. Nothing here knows how AWS tells of it.
"""
