"""Plugins of users, which the tests of isolation put beside their plays.

None is imported by the tests: each run has copies, so that a plugin of a play, one of a role and
one of a collection are three files with a state of their own.
"""
