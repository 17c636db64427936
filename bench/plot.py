"""The plot: curves as JSON on standard input, a path as argument; needs matplotlib.

It runs in an environment of its own, as the benchmark itself needs nothing but the standard
library. The same curves give the same bytes.
"""

import json
import sys

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402  (it must know where it draws to)

STYLES = {
    "stock linear": ("#7f7f7f", "-", "s"),
    "pipelining": ("#1f77b4", "-", "^"),
    "Mitogen": ("#d62728", "-", "D"),
    "econtext, cold": ("#2ca02c", "--", "o"),
    "econtext, warm": ("#2ca02c", "-", "o"),
}


def draw(of_cores: dict[str, dict[str, list]], path: str) -> None:
    """A panel for each ansible-core, a line for each strategy."""
    matplotlib.rcParams["svg.hashsalt"] = "econtext"  # so that names in the file do not change
    figure, panels = pyplot.subplots(
        1, len(of_cores), figsize=(5.2 * len(of_cores), 4.4), sharey=True, squeeze=False
    )
    for panel, (core, curves) in zip(panels[0], of_cores.items(), strict=True):
        for name, points in curves.items():
            colour, line, mark = STYLES[name]
            panel.plot(*zip(*points, strict=True), line, color=colour, marker=mark, label=name)
        panel.set_title(f"ansible-core {core}")
        panel.set_xlabel("round-trip time, ms")
        panel.set_yscale("log")
        panel.grid(True, which="both", alpha=0.3)
        panel.yaxis.set_major_formatter("{x:g}")
    panels[0][0].set_ylabel("50 pings, whole process, s")
    panels[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    draw(json.load(sys.stdin), sys.argv[1])
