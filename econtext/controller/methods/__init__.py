"""Methods to start a slave: each file makes a `Launch` of arguments.  No I/O."""
