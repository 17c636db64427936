"""Patches of ansible-core that make it faster; each can be deleted."""
