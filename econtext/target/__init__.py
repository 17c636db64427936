"""Code of slaves, which is shipped to a target.

Code in this package imports the standard library and this package alone, and
runs on Python 2.7 and 3.6 to today's (law 1; ``tests/unit/test_laws.py``).
"""
