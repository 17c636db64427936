"""Adapters to private parts of ansible-core, with the releases named."""
