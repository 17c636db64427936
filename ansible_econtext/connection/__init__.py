"""The carried connection plugin."""
