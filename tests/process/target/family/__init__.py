"""A package that imports relatively."""
from __future__ import unicode_literals

from .child import NAME as CHILD

NAME = "family"
