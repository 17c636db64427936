"""Functions that `bench/sessions.py` calls elsewhere."""


def nothing():
    """Do nothing, and return None."""


def once(channel):
    """Do nothing, for execnet: its functions reply on a channel, which ends with them."""
    channel.send(None)


def again_and_again(channel):
    """Do nothing for each item that comes on the channel."""
    for _ in channel:
        channel.send(None)
