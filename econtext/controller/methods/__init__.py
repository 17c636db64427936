"""The ways in: one file each, and in it what becomes a `Launch`.  No I/O here."""
