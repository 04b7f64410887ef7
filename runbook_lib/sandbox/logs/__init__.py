"""CloudWatch Logs' own languages as the service reads them: filter patterns and Insights queries.

Nothing here knows a world or whose lines it reads.
"""
