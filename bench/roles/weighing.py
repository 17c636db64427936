"""What is weighed: econtext with something turned off, beside econtext as it is."""

import dataclasses
from pathlib import Path

from bench.contenders import CONTENDERS, Contender
from bench.roles.runs import Variant

ECONTEXT = next(each for each in CONTENDERS if each.name == "econtext")

#: Each mechanism that has a switch of its own.
SWITCHES = {
    "no-loops": {"ANSIBLE_ECONTEXT_LOOPS": "0"},
    "no-staying": {"ANSIBLE_ECONTEXT_STAYING": "0"},
    "no-threads": {"ANSIBLE_ECONTEXT_THREADS": "0"},
    "no-patches": {"ANSIBLE_ECONTEXT_PATCHES": "0"},
}


def variants(asked: list[str], contender: Contender) -> list[Variant]:
    """Return econtext as it is, the same under another name, and each variant that is asked for.

    The same twice shows what the machine's own noise is. `switches` is all of SWITCHES.
    """
    found = [Variant("econtext", contender), Variant("the-same", contender)]
    for text in asked:
        if text == "switches":
            found += [Variant(name, contender, each) for name, each in SWITCHES.items()]
        elif text in SWITCHES:
            found.append(Variant(text, contender, SWITCHES[text]))
        else:
            found.append(named(text, contender))
    return found


def named(text: str, contender: Contender) -> Variant:
    """Return the variant of `NAME:VARIABLE=VALUE;VARIABLE=VALUE`."""
    name, colon, pairs = text.partition(":")
    variables = dict(pair.partition("=")[::2] for pair in pairs.split(";"))
    if not colon or not all(variables):
        raise ValueError(f"{text}: neither of {', '.join(SWITCHES)} nor NAME:VARIABLE=VALUE;...")
    return Variant(name, contender, variables)


def of_checkout(contender: Contender, checkout: Path | None) -> Contender:
    """Return econtext with the strategy of another checkout; other contenders as they are."""
    if checkout is None or contender.name != ECONTEXT.name:
        return contender
    strategies = checkout.resolve() / "plugins" / "strategy"
    defaults = contender.settings["defaults"] | {"strategy_plugins": str(strategies)}
    return dataclasses.replace(contender, settings={"defaults": defaults})
