"""What we know of ansible-core's private parts, each with the versions it holds for.

Everything here was read from ansible-core 2.16 to 2.21.  A newer one that has
changed such a part is met by the stock way, not by a guess.
"""
