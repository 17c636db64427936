"""A module that nothing imports before a function is called."""

from __future__ import unicode_literals

from . import NAME as PARENT
from .child import NAME as SIBLING

NAMES = [PARENT, SIBLING, "late"]
