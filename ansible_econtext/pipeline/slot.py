"""What a thread has that does something before its turn: an item of a loop (`ahead.py`)."""

import contextvars
from collections.abc import Callable
from typing import Any, Protocol

from ansible_econtext.client import client
from ansible_econtext.client.multiplexer import Reply


class Turn(Protocol):
    def ask(
        self, request: dict[str, Any], connected: Callable[[], client.Client]
    ) -> Reply | None: ...

    def alone(self) -> None: ...

    @property
    def has_come(self) -> bool: ...


Token = contextvars.Token[Turn | None]

#: What the present thread is at.
_turn: contextvars.ContextVar[Turn | None] = contextvars.ContextVar("econtext", default=None)


def take(turn: Turn | None) -> Token:
    """Have the present thread be at this; what it was at is put back by what this gives."""
    return _turn.set(turn)


def put_back(token: Token) -> None:
    _turn.reset(token)


def ask(request: dict[str, Any], connected: Callable[[], client.Client]) -> Reply | None:
    """Return the reply to a request that is sent ahead, or None if the caller is to send it now.

    `connected` returns the line of the connection that asks.  Raises client.BrokerGone.
    """
    turn = _turn.get()
    return turn.ask(request, connected) if turn is not None else None


def has_come() -> bool:
    """Whether the present thread may turn to its host."""
    turn = _turn.get()
    return turn is None or turn.has_come


def alone() -> None:
    """Wait until what was sent ahead before is over: something else than a request comes."""
    turn = _turn.get()
    if turn is not None:
        turn.alone()
