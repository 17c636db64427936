"""Text of a target, made harmless for a terminal and a log."""


def printable(text: str, kept: str = "\n\t") -> str:
    """Return a text without what a terminal would obey, but for characters in `kept`."""
    return "".join(each if each.isprintable() or each in kept else "?" for each in text)
