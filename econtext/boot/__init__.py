"""Boot of a slave: first stage, bundle, minifying.  Runs on the controller."""
