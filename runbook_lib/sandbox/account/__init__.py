"""The account: its frozen state, its timeline, and the verbs that a history is told in.

Facts that AWS would act upon. Nothing here answers, counts or logs: that is derived from them elsewhere.
"""
