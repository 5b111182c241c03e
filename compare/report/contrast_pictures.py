"""Tape and program drawn: two graphs that face each other, what aligns on one level; and the bytes alive over time. Own
SVG, as wide as a phone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from compare.measure.contrast.in_words import size
from compare.report.contract import Form
from compare.report.contrast import MANY, layers_of, own_bytes

WIDTH, MIDDLE, BOX = 360, 36, 128  # of the picture, between the two columns, of a box
EDGE = (WIDTH - MIDDLE) // 2 - BOX  # beside the boxes, for what does not go to the next one
LINE, PAD, GAP = 11, 4, 10  # of a line of text, inside a box, between levels
LETTERS = 25  # of a line in a box
NAMED = 5  # equations that a box names
STYLE = """<style>
text { font: 8px ui-monospace, monospace; fill: #222; }
.head { font-weight: bold; } .dim { fill: #555; }
rect { fill: #fff; stroke: #555; rx: 3; } .torch { stroke: #d55e00; fill: #fff4ec; }
.jax { stroke: #0072b2; fill: #edf6fc; }
path, line { fill: none; stroke: #777; } .level { stroke: #222; stroke-dasharray: 2 2; }
.tape { stroke: #d55e00; stroke-width: 1.5; } .kept { stroke: #0072b2; stroke-width: 1.5; stroke-dasharray: 5 2; }
</style>"""


@dataclass(frozen=True)
class Level:
    """What is drawn beside each other: nodes of the tape, and the equations of the loss that face them.

    Attributes:
        nodes, equations: by their positions. left, right: the lines in the boxes.
    """

    nodes: tuple[int, ...]
    equations: tuple[int, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def height(self) -> int:
        return max(len(self.left), len(self.right)) * LINE + 2 * PAD


def facing_picture(form: Form) -> str:
    """The forward pass from the top to the bottom: nodes as they were recorded, beside the equations that make the same
    numbers; lines on either side say what takes what."""
    levels = list(_levels(form))
    tops: list[int] = []
    y = 24
    for level in levels:
        tops.append(y)
        y += level.height + GAP
    parts = [
        f'<text class="head" x="{EDGE}" y="14">PyTorch: the tape</text>',
        f'<text class="head" x="{WIDTH - EDGE - BOX}" y="14">JAX: the loss</text>',
    ]
    left = {node: at for at, level in enumerate(levels) for node in level.nodes}
    right = {one: at for at, level in enumerate(levels) for one in level.equations}
    for at, (level, top) in enumerate(zip(levels, tops, strict=True)):
        parts.append(_box(EDGE, top, level.left, level.height, "torch"))
        if level.right:
            parts.append(_box(WIDTH - EDGE - BOX, top, level.right, level.height, "jax"))
            middle = top + level.height / 2
            ends = f'x1="{EDGE + BOX}" x2="{WIDTH - EDGE - BOX}"'
            parts.append(f'<line class="level" {ends} y1="{middle:g}" y2="{middle:g}"/>')
        made = {left[one] for node in level.nodes for one in _through(form["tape"], "gives", node, left)}
        taken = {right[one] for own in level.equations for one in _through(form["equations"], "takes", own, right)}
        parts += [_edge(levels, tops, other, at, EDGE, -1) for other in sorted(made) if other < at]
        parts += [_edge(levels, tops, other, at, WIDTH - EDGE, 1) for other in sorted(taken) if other < at]
    return _svg(parts, y)


def timeline_picture(form: Form) -> str:
    """Bytes alive beside parameters and inputs: the tape grows while the forward pass runs and is given back node by
    node; what ``jax.vjp`` handed on lives as long as its backward half does."""
    tape, kept = list(_tape_bytes(form)), list(_residual_bytes(form))
    most, height, base = max([*(count for _, count in (*tape, *kept)), 1]), 110, 140
    wide = WIDTH - 2 * EDGE

    def drawn(points: Sequence[tuple[float, int]], style: str) -> str:
        steps = [f"M {EDGE:g} {base:g}"]
        for at, count in points:
            steps.append(f"H {EDGE + wide * at:.1f} V {base - height * count / most:.1f}")
        return f'<path class="{style}" d="{" ".join(steps)} H {EDGE + wide}"/>'

    half = EDGE + wide / 2
    parts = [
        f'<text class="head" x="{EDGE}" y="14">alive, at most {size(most)}</text>',
        f'<line x1="{EDGE}" x2="{EDGE + wide}" y1="{base}" y2="{base}"/>',
        f'<line class="level" x1="{half:g}" x2="{half:g}" y1="24" y2="{base}"/>',
        f'<text class="dim" x="{EDGE}" y="{base + 12}">forward</text>',
        f'<text class="dim" x="{half + 3:g}" y="{base + 12}">backward</text>',
        drawn(tape, "tape"),
        drawn(kept, "kept"),
        f'<line class="tape" x1="{EDGE}" x2="{EDGE + 20}" y1="{base + 22}" y2="{base + 22}"/>',
        f'<text x="{EDGE + 25}" y="{base + 25}">the tape</text>',
        f'<line class="kept" x1="{half:g}" x2="{half + 20:g}" y1="{base + 22}" y2="{base + 22}"/>',
        f'<text x="{half + 25:g}" y="{base + 25}">jax.vjp, op by op, with copies</text>',
    ]
    return _svg(parts, base + 34)


def _levels(form: Form) -> Iterator[Level]:
    """In the order of the forward pass: one node each, or one layer each beyond so many nodes."""
    tape = form["tape"]
    each = [("", [at]) for at, node in enumerate(tape) if not node["leaf"]]
    runs = each if len(tape) <= MANY else layers_of(form)
    levels: list[tuple[list[int], set[int], list[str]]] = []
    for path, numbers in reversed(runs):
        faced = {one for at in numbers for one in tape[at]["loss"]}
        first = [tape[at]["name"] for at in numbers if not tape[at]["why"]] or [tape[numbers[0]]["name"]]
        head = [path or "(loss)", *_names(first)] if len(tape) > MANY else [tape[numbers[0]]["name"]]
        own = sum(own_bytes(kept) for at in numbers for kept in tape[at]["saved"])
        lines = [*head, f"keeps {size(own)}"] if own else head
        if faced and levels and faced <= levels[-1][1]:  # several nodes of one group
            nodes, _, above = levels[-1]
            nodes.extend(numbers)
            above.extend(lines)
            continue
        placed = set().union(*(known for _, known, _ in levels))
        levels.append((list(numbers), faced - placed, lines))
    for numbers, equations, lines in levels:
        right = _names([form["equations"][one]["name"] for one in sorted(equations)])
        yield Level(tuple(numbers), tuple(sorted(equations)), tuple(map(_short, lines)), tuple(map(_short, right)))


def _names(names: Sequence[str]) -> list[str]:
    shown = list(dict.fromkeys(names))
    counted = [f"{name} x {names.count(name)}" if names.count(name) > 1 else name for name in shown]
    return [*counted[:NAMED], *([f"and {len(shown) - NAMED} more kinds"] if len(shown) > NAMED else [])]


def _through(rows: Sequence[Form], key: str, start: int, shown: dict[int, int]) -> set[int]:
    """What a row takes, through rows that are not drawn."""
    found, seen, stack = set[int](), set[int](), list(rows[start][key])
    while stack:
        one = stack.pop()
        if one in shown and shown[one] != shown[start]:
            found.add(one)
        elif one not in seen:
            seen.add(one)
            stack += rows[one][key]
    return found


def _edge(levels: Sequence[Level], tops: Sequence[int], one: int, other: int, x: int, way: int) -> str:
    """From the bottom of a box to the top of the next, or around those between them."""
    if other == one + 1:
        middle = x - way * BOX / 2
        return f'<line x1="{middle:g}" x2="{middle:g}" y1="{tops[one] + levels[one].height}" y2="{tops[other]}"/>'
    begin, end = tops[one] + levels[one].height / 2, tops[other] + levels[other].height / 2
    out = x + way * min(EDGE - 2, 4 + 2 * (other - one))
    return f'<path d="M {x} {begin:g} C {out:g} {begin:g} {out:g} {end:g} {x} {end:g}"/>'


def _tape_bytes(form: Form) -> Iterator[tuple[float, int]]:
    """Time from 0 to 1, the forward pass its first half, and what the tape holds then: a memory from the first node
    that was recorded with it until that node, the last of its holders to run, has run."""
    tape = form["tape"]
    until = [0] * len(tape)  # by the place in the order of ``backward()``: the bytes that nothing holds afterwards
    for at, node in enumerate(tape):
        for kept in node["saved"]:
            if count := own_bytes(kept):
                until[_last_holder(tape, at, kept)] += count
    alive, step = 0, 0.5 / max(1, len(tape))
    for at, count in enumerate(reversed(until)):
        alive += count
        yield (at + 1) * step, alive
    for at, count in enumerate(until):
        alive -= count
        yield 0.5 + (at + 1) * step, alive


def _last_holder(tape: Sequence[Form], at: int, kept: Form) -> int:
    """The last node to run that holds what a node keeps."""
    same = (kept["bytes"], kept["dtype"])
    others = (
        number
        for number, node in enumerate(tape)
        for one in node["saved"]
        if one["earlier"] == at and (one["bytes"], one["dtype"]) == same
    )
    return max([at, *others])


def _residual_bytes(form: Form) -> Iterator[tuple[float, int]]:
    """The same of the residuals, each from where its equation makes it; all of them to the end."""
    alive = 0
    for kept in sorted(form["residuals"], key=lambda kept: float(kept["moment"])):
        alive += own_bytes(kept)
        yield 0.5 * kept["moment"], alive
    yield 1.0, alive


def _box(x: int, y: int, lines: Sequence[str], height: int, style: str) -> str:
    shown = [f'<rect class="{style}" x="{x}" y="{y}" width="{BOX}" height="{height}"/>']
    for at, line in enumerate(lines):
        head = ' class="head"' if not at else ""
        shown.append(f'<text{head} x="{x + PAD}" y="{y + PAD + 8 + at * LINE}">{escape(line)}</text>')
    return "".join(shown)


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _svg(parts: Sequence[str], height: float) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">'
    return f"{head}{STYLE}{''.join(parts)}</svg>"
