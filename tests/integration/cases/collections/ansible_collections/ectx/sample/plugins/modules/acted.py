#!/usr/bin/python
# The action plugin of the same name does it.
