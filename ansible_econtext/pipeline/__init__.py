"""Requests of loops that are sent before their turn."""
