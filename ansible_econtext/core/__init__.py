"""Adapters: what is known of ansible-core, with the releases named."""
