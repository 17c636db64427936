"""How a slave comes into being: first stage, bundle, stripping.  Runs on the controller."""
