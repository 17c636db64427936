"""Strategy mixin that carries connections through slaves."""

import atexit
import contextlib
import os
from typing import Any

from ansible.utils.display import Display

from ansible_econtext import settings
from ansible_econtext.client import client, connector, endpoint
from ansible_econtext.core import run, versions
from ansible_econtext.patches import caller_frame
from ansible_econtext.workers import exit


class CarryingStrategy:
    """Mixin in front of a stock strategy, which runs its plays over carried connections.

    The broker is started first: it imports its modules while this process imports `workers.play`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with versions.stock_if_unknown():
            with contextlib.suppress(OSError, client.BrokerGone):  # the first task would tell
                _start_broker()
            atexit.unregister(exit.finish)  # one play of a run is enough
            atexit.register(exit.finish, endpoint.of_run())
            if settings.is_on("PATCHES") and versions.is_known_since((2, 19)):
                caller_frame.find_it_alone()
        super().__init__(*args, **kwargs)

    def run(self, iterator: Any, *args: Any, **kwargs: Any) -> Any:
        from ansible_econtext.workers import play

        kinds = type(self).__mro__
        with versions.stock_if_unknown():
            run.name_strategy(iterator, kinds[kinds.index(CarryingStrategy) + 1])
        with play.carried(self, iterator):
            return super().run(iterator, *args, **kwargs)  # type: ignore[misc]


def _start_broker() -> None:
    """Start the run's broker, or one for this run alone if the one that is there is silent."""
    try:
        connector.start(endpoint.of_run(), os.getpid())
    except client.BrokerSilent as error:
        Display().warning(f"econtext: {error}.  This run has a broker of its own.")
        endpoint.leave_shared()
        connector.start(endpoint.of_run(), os.getpid())
