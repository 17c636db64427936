"""A module that the package itself imports."""

from __future__ import unicode_literals

NAME = "child"
