"""Has a module notice at once that a command of its has ended.

ansible-core's `run_command` (`module_utils/basic.py`, 2.16 to 2.21) asks twice
whether its command has ended: once to leave its loop, and once to wait for it.  A
command that ends between the two, all its output read, lets it wait a whole second
for output of nobody.  The faster a module is started, the more often that happens.
"""

import types

#: Seconds to wait for output when there is nothing that could give any.
_MOMENT = 0.001


def notice(basic):
    # type: (types.ModuleType) -> None
    """Give the module `basic` a selector that does not wait for nothing."""
    stock = getattr(basic, "selectors", None)
    if not hasattr(stock, "PollSelector"):
        return

    class PollSelector(stock.PollSelector):  # type: ignore
        def select(self, timeout=None):
            # type: (object) -> list
            if not self.get_map() and timeout is not None:
                timeout = min(timeout, _MOMENT)
            return super(PollSelector, self).select(timeout)

    own = types.ModuleType(stock.__name__)
    own.__dict__.update(stock.__dict__)
    own.PollSelector = PollSelector  # type: ignore[attr-defined]
    basic.selectors = own  # type: ignore[attr-defined]
