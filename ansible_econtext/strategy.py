"""What makes a strategy carry ssh and local connections through slaves."""

import atexit
import contextlib
import os
from typing import Any

from ansible_econtext import client, leaving, place
from ansible_econtext.seams import callers, runs, versions


class CarryingStrategy:
    """In front of a stock strategy: its own behaviour, with carried connections.

    The broker is started as soon as it can be: while it imports its modules, so do we (`carrying`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with versions.stock_if_unknown():
            with contextlib.suppress(OSError):  # the first task would tell
                client.start(place.of_run(), os.getpid())
            atexit.unregister(leaving.finish)  # one play of a run is enough
            atexit.register(leaving.finish, place.of_run())
            callers.tell_of_modules()
        super().__init__(*args, **kwargs)

    def run(self, iterator: Any, *args: Any, **kwargs: Any) -> Any:
        from ansible_econtext import carrying

        kinds = type(self).__mro__
        with versions.stock_if_unknown():
            runs.name_strategy(iterator, kinds[kinds.index(CarryingStrategy) + 1])
        with carrying.carried(self, iterator):
            return super().run(iterator, *args, **kwargs)  # type: ignore[misc]
