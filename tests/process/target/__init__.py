"""Functions that the tests have targets run: they run on Python 2.7 as well."""
