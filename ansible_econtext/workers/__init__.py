"""Threads in place of forked workers."""
