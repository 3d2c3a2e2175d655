"""Cost of one assignment against the number of tags, as SVG."""

import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 820, 460, 70, 40, 240, 50
LINES = {
    "floor, ssh": "#666666", "stagekeeper, ssh": "#0b6e4f", "stagekeeper, path": "#4caf93",
    "stagekeeper, https": "#8bc34a", "script, shared": "#f0a202", "script": "#d95d39",
    "script that counts, shared": "#8d6cab", "script that counts": "#202c59", "gto assign --push": "#b80c09",
}


def svg(entries):
    """Both axes are logarithmic; no tags at all stand at the left end."""
    counts = [entry["tags"] for entry in entries]
    series = {name: [(entry["tags"], entry["series"][name]["median"]) for entry in entries
                     if name in entry["series"]] for name in LINES}
    series = {name: points for name, points in series.items() if points}
    seconds = [value for points in series.values() for _, value in points]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def across(count):
        position = counts.index(count) / max(len(counts) - 1, 1)
        return LEFT + position * (WIDTH - LEFT - RIGHT)

    def down(value):
        return TOP + (high - math.log10(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 22, "One assignment until its tag is pushed, median, by tags in the repository", size=15)]
    for power in range(low, high + 1):
        parts += [line(LEFT, down(10 ** power), WIDTH - RIGHT, down(10 ** power), "#dddddd"),
                  text(LEFT - 8, down(10 ** power) + 4, duration(power), "end")]
    parts += [text(across(count), HEIGHT - BOTTOM + 22, f"{count:,}", "middle") for count in counts]
    for name, points in series.items():
        path = " ".join(f"{across(count):.1f},{down(value):.1f}" for count, value in points)
        dashes = ' stroke-dasharray="6 4"' if name.startswith("floor") else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{LINES[name]}" stroke-width="2"{dashes}/>')
        parts += [f'<circle cx="{across(count):.1f}" cy="{down(value):.1f}" r="3.5" fill="{LINES[name]}"/>'
                  for count, value in points]
    return "\n".join(parts + list(legend(series))) + "\n</svg>\n"


def legend(series):
    """The slowest on top, as the lines end."""
    names = sorted(series, key=lambda name: -series[name][-1][1])
    for row, name in enumerate(names):
        height = TOP + 16 + row * 24
        yield line(WIDTH - RIGHT + 24, height, WIDTH - RIGHT + 48, height, LINES[name], 3)
        yield text(WIDTH - RIGHT + 56, height + 4, name)


def duration(power):
    return f"{10 ** power:g} s" if power >= 0 else f"{10 ** (power + 3):g} ms"


def line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def text(x, y, words, anchor="start", size=13):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#222222">{words}</text>'
