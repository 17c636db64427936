"""Properties of all that a slave or a client can reach, and the loop that fuzzes them."""
