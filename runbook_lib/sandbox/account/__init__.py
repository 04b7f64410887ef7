"""The account: its frozen state, its timeline, and the verbs that a history is told in.

Facts that AWS would act upon. What AWS answers, counts or logs is derived from them elsewhere.
"""
