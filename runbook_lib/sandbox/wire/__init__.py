"""The wire: requests and replies as AWS's protocols have them, rules, rates, journal, and moto behind it all.

Nothing here knows a world; what answers is found in a registry.
"""
