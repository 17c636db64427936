"""The functions of `bench/called.py` as execnet runs them: each replies on a channel.

execnet sends the source of one function, so each has in it all that it needs.
"""


def nothing(channel):
    """Do nothing."""
    channel.send(None)


def take(channel, data):
    """Reply with the size of some bytes."""
    channel.send(len(data))


def give(channel, size):
    """Reply with so many bytes that do not get smaller by compression."""
    import os

    block = os.urandom(1 << 20)
    channel.send(block * (size // len(block)))


def again_and_again(channel):
    """Serve all three for as long as the channel is open: which one is told by the item's type."""
    import os

    for item in channel:
        if item is None:
            channel.send(None)
        elif isinstance(item, bytes):
            channel.send(len(item))
        else:
            block = os.urandom(1 << 20)
            channel.send(block * (item // len(block)))
