"""Faster look for the code that calls ansible-core to warn."""

import inspect
import sys
from types import FrameType
from typing import Any


def find_it_alone() -> None:
    """Replace ansible-core's look at all frames by one at one frame, until the run ends.

    Source: `caller_frame` in `module_utils/_internal/_stack.py`, 2.19 to 2.21, which reads the
    source lines of all frames to return one, for each deprecation: 10 to 30 ms.  Filters of
    ansible-core such as `bool` deprecate arguments, and `PluginLoader.get` warns of a strategy that
    is not ansible-core's.
    """
    from ansible.module_utils._internal import _stack

    stack: Any = _stack
    if "iter_stack" in vars(stack):
        stack.caller_frame = caller_frame


def caller_frame() -> inspect.FrameInfo | None:
    """Return the first frame without ansible-core's mark, without source lines; or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if "_skip_stackwalk" not in frame.f_locals:
            return inspect.FrameInfo(frame, *inspect.getframeinfo(frame, context=0))
        frame = frame.f_back
    return None
