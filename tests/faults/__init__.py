"""Faults at each stage of a run: a table of cells (table.py), each a real play over a real sshd."""
