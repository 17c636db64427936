"""What came of the targets: which pass in the stock way alone."""

from __future__ import annotations

import re

from .trial import Outcome, Trial, Way

#: The beginning of the line that tells why a play, or a script around one, failed.
_FAILURE = re.compile(r"^(fatal: .*|failed: .*|ERROR! .*|\[ERROR\]: .*)$", re.MULTILINE)


class Report:
    """Trials by target, and by way, of which `ours` is one."""

    def __init__(self, ours: Way) -> None:
        self._ours = ours
        self._trials: dict[str, dict[Way, Trial]] = {}

    def add(self, target: str, trials: dict[Way, Trial]) -> None:
        self._trials[target] = trials

    def differences(self) -> list[str]:
        """The targets that pass in the stock way and not in ours."""
        return [
            name
            for name, trials in self._trials.items()
            if {Way.STOCK, self._ours} <= trials.keys()
            and trials[Way.STOCK].outcome is Outcome.PASSED
            and trials[self._ours].outcome is not Outcome.PASSED
        ]

    def summary(self) -> str:
        different = self.differences()
        groups: dict[str, list[str]] = {"passed": [], "skipped": [], "failed both ways": []}
        for name, trials in self._trials.items():
            if name in different:
                continue
            first = next(iter(trials.values()))
            text = f"{name} ({first.requests})" if self._ours in trials else name
            key = first.outcome.value
            if first.outcome is Outcome.FAILED:
                key = "failed both ways" if len(trials) > 1 else "failed"
            groups.setdefault(key, []).append(text)
        lines = ["", "In brackets: requests that slaves were sent."]
        for title, names in groups.items():
            lines.append(f"{title}, {len(names)}: {' '.join(names) or 'none'}")
        lines.append(f"passed in the stock way alone, {len(different)}:")
        for name in different:
            trial = self._trials[name][self._ours]
            lines += [f"  {name}: {trial.log}", f"    {_reason(trial)}"]
        return "\n".join(lines)


def _reason(trial: Trial) -> str:
    """The last failure that the log tells of, cut to one line."""
    found = _FAILURE.findall(trial.log.read_text(errors="replace"))
    return found[-1][:300] if found else "no failed task; the end of the log tells more"
