"""A package that imports relatively."""

from __future__ import unicode_literals

from . import child

NAME, CHILD = "family", child.NAME
