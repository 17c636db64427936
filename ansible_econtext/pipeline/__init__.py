"""Requests that leave before their turn."""
