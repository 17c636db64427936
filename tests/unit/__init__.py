"""Tests of single parts: no process, no socket."""
