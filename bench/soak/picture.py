"""A picture of a soak as plain SVG: for each property a panel with a line for each group."""

from xml.sax.saxutils import escape

from bench.soak.growth import Points, thinned

#: Points of a line at most.
POINTS = 150

COLOURS = ("#7f7f7f", "#1f77b4", "#d62728", "#2ca02c", "#9467bd")
WIDTH, HEIGHT = 860, 190  # of a panel, with its title and its axes
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 30, 40
STEPS = 4

#: The lines of a panel: points by the name of a group.
Lines = dict[str, Points]


def svg(panels: dict[str, Lines], axis: str) -> str:
    """Draw panels below each other; `axis` names what goes from left to right."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(panels)}"'
        ' font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(panels.items()):
        parts += [f'<g transform="translate(0,{HEIGHT * number})">']
        parts += _panel(title, lines, axis)
        parts += ["</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, lines: Lines, axis: str) -> list[str]:
    shown = {name: thinned(points, POINTS) for name, points in lines.items()}
    widest = max((x for points in shown.values() for x, _ in points), default=0) or 1
    highest = max((y for points in shown.values() for _, y in points), default=0) * 1.05 or 1
    right, low = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(x: float) -> float:
        return round(LEFT + x / widest * (right - LEFT), 1)

    def down(y: float) -> float:
        return round(low - y / highest * (low - TOP), 1)

    parts = [_text(LEFT, TOP - 10, title, "start"), _text(right, HEIGHT - 8, axis, "end")]
    for step in range(STEPS + 1):
        x, y = widest * step / STEPS, highest * step / STEPS
        parts += [
            f'<path d="M{LEFT} {down(y)}H{right}" stroke="#dddddd"/>',
            _text(LEFT - 6, down(y) + 4, f"{y:.3g}", "end"),
            _text(across(x), low + 15, f"{x:.0f}", "middle"),
        ]
    for number, (name, points) in enumerate(shown.items()):
        colour = COLOURS[number % len(COLOURS)]
        along = " ".join(f"{across(x)},{down(y)}" for x, y in points)
        parts += [
            f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="1.3"/>',
            _text(right + 10, TOP + 8 + 16 * number, name, "start", colour),
        ]
    return parts


def _text(x: float, y: float, text: str, anchor: str, colour: str = "black") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
