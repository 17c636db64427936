"""What came of the targets: which pass under stock Ansible alone."""

from __future__ import annotations

import re

from .trial import Outcome, Trial

#: The beginning of the line that tells why a play, or a script around one, failed.
_FAILURE = re.compile(r"^(fatal: .*|failed: .*|ERROR! .*|\[ERROR\]: .*)$", re.MULTILINE)


class Report:
    """Trials by target, and by strategy."""

    def __init__(self) -> None:
        self._trials: dict[str, dict[str, Trial]] = {}

    def add(self, target: str, trials: dict[str, Trial]) -> None:
        self._trials[target] = trials

    def differences(self) -> list[str]:
        """The targets that pass under the stock strategy and not under ours."""
        return [
            name
            for name, trials in self._trials.items()
            if {"stock", "econtext"} <= trials.keys()
            and trials["stock"].outcome is Outcome.PASSED
            and trials["econtext"].outcome is not Outcome.PASSED
        ]

    def summary(self) -> str:
        different = self.differences()
        groups: dict[str, list[str]] = {"passed": [], "skipped": [], "failed under both": []}
        for name, trials in self._trials.items():
            if name in different:
                continue
            first = next(iter(trials.values()))
            text = f"{name} ({first.requests})" if "econtext" in trials else name
            key = first.outcome.value
            if first.outcome is Outcome.FAILED:
                key = "failed under both" if len(trials) > 1 else "failed"
            groups.setdefault(key, []).append(text)
        lines = ["", "In brackets: requests that slaves were sent."]
        for title, names in groups.items():
            lines.append(f"{title}, {len(names)}: {' '.join(names) or 'none'}")
        lines.append(f"passed under stock Ansible alone, {len(different)}:")
        for name in different:
            trial = self._trials[name]["econtext"]
            lines += [f"  {name}: {trial.log}", f"    {_reason(trial)}"]
        return "\n".join(lines)


def _reason(trial: Trial) -> str:
    """The last failure that the log tells of, cut to one line."""
    found = _FAILURE.findall(trial.log.read_text(errors="replace"))
    return found[-1][:300] if found else "no failed task; the end of the log tells more"
