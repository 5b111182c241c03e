"""Tape and program drawn: two graphs that face each other, what aligns on one level. Own SVG, as wide as a phone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from compare.report.contract import Form
from compare.report.contrast import MANY, NO_LAYER, layers_of, own_bytes
from compare.verdict.bytes_in_words import size

WIDTH, MIDDLE, BOX = 360, 22, 156  # of the picture, between the two columns, of a box
EDGE = (WIDTH - MIDDLE) // 2 - BOX  # beside the boxes, for what does not go to the next one
LINE, PAD, GAP = 14, 5, 12  # of a line of text, inside a box, between levels
LETTERS = 22  # of a line in a box
NAMED = 5  # equations that a box names
STYLE = """<style>
text { font: 11px ui-monospace, monospace; fill: #222; }
.head { font-weight: bold; } .dim { fill: #555; }
rect { fill: #fff; stroke: #555; rx: 3; } .torch { stroke: #d55e00; fill: #fff4ec; }
.jax { stroke: #0072b2; fill: #edf6fc; }
path, line { fill: none; stroke: #777; } .level { stroke: #222; stroke-dasharray: 2 2; }
.tape { stroke: #d55e00; stroke-width: 1.5; } .kept { stroke: #0072b2; stroke-width: 1.5; stroke-dasharray: 5 2; }
</style>"""


Half = Literal["loss", "gradient"]


@dataclass(frozen=True)
class Level:
    """What is drawn beside each other: nodes of the tape, and the equations of one half that face them.

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


def facing_picture(form: Form, half: Half = "loss") -> str:
    """From the top to the bottom as it runs: of the forward pass the nodes as they were recorded, of the backward pass
    as the engine runs them, beside the equations of that half that make the same numbers; lines on either side say
    what takes what."""
    levels = list(_levels(form, half))
    tops: list[int] = []
    y = 24
    for level in levels:
        tops.append(y)
        y += level.height + GAP
    parts = [
        f'<text class="head" x="{EDGE}" y="14">PyTorch: {"the tape" if half == "loss" else "backward()"}</text>',
        f'<text class="head" x="{WIDTH - EDGE - BOX}" y="14">JAX: the {half}</text>',
    ]
    left = {node: at for at, level in enumerate(levels) for node in level.nodes}
    right: dict[int, list[int]] = {}  # of a loop's body one level for each trip
    for at, level in enumerate(levels):
        for one in level.equations:
            right.setdefault(one, []).append(at)
    for at, (level, top) in enumerate(zip(levels, tops, strict=True)):
        parts.append(_box(EDGE, top, level.left, level.height, "torch"))
        if level.right:
            parts.append(_box(WIDTH - EDGE - BOX, top, level.right, level.height, "jax"))
            middle = top + level.height / 2
            ends = f'x1="{EDGE + BOX}" x2="{WIDTH - EDGE - BOX}"'
            parts.append(f'<line class="level" {ends} y1="{middle:g}" y2="{middle:g}"/>')
        given = {left[one] for node in level.nodes for one in _through(form["tape"], "gives", node, left)}
        taken = _taken(form, level, at, right)
        # What a node hands gradients to is what it took in the forward pass.
        parts += [_edge(levels, tops, min(other, at), max(other, at), EDGE, -1) for other in sorted(given - {at})]
        parts += [_edge(levels, tops, other, at, WIDTH - EDGE, 1) for other in sorted(taken) if other < at]
    return svg(parts, y)


def _levels(form: Form, half: Half) -> Iterator[Level]:
    """In the order in which that half runs: one node each, or one layer each beyond so many nodes."""
    tape = form["tape"]
    each = [("", [at]) for at, node in enumerate(tape) if not node["leaf"]]
    runs = each if len(tape) <= MANY else layers_of(form)
    levels: list[tuple[list[int], set[int], list[str]]] = []
    for path, numbers in runs if half == "gradient" else reversed(runs):
        faced = {one for at in numbers for one in tape[at][half]}
        first = [tape[at]["name"] for at in numbers if not tape[at]["why"]] or [tape[numbers[0]]["name"]]
        head = [path or NO_LAYER, *_names(first)] if len(tape) > MANY else [tape[numbers[0]]["name"]]
        lines = [*head, *(_told(tape, numbers) if half == "loss" else _filled(tape, numbers))]
        if faced and levels and faced == levels[-1][1]:  # several nodes of one group
            nodes, _, above = levels[-1]
            nodes.extend(numbers)
            above.extend(lines)
            continue
        levels.append((list(numbers), faced, lines))
    fewest: dict[int, int] = {}  # by equation the level that it stands on: beside what faces the least beside it; what
    # a loop runs stands beside each of its trips
    for at, (_, faced, _) in enumerate(levels):
        for one in faced:
            if one not in fewest or len(faced) < len(levels[fewest[one]][1]):
                fewest[one] = at
    for at, (numbers, faced, lines) in enumerate(levels):
        own = tuple(one for one in sorted(faced) if fewest[one] == at or form["equations"][one]["times"] > 1)
        right = _names([form["equations"][one]["name"] for one in own])
        yield Level(tuple(numbers), own, tuple(map(_short, lines)), tuple(map(_short, right)))


def _told(tape: Sequence[Form], numbers: Sequence[int]) -> list[str]:
    """What nodes keep for the backward pass."""
    own = sum(own_bytes(kept) for at in numbers for kept in tape[at]["saved"])
    return [f"keeps {size(own)}"] if own else []


def _filled(tape: Sequence[Form], numbers: Sequence[int]) -> list[str]:
    """The parameters whose gradients nodes hand on: in the backward pass they are done with there."""
    given = [(tape[at]["path"], tape[one]["leaf"]) for at in numbers for one in tape[at]["gives"] if tape[one]["leaf"]]
    is_folded = len(tape) > MANY  # the layer stands above
    return _names([f"{leaf.removeprefix(f'{path}.') if is_folded else leaf}.grad" for path, leaf in given])


def _names(names: Sequence[str]) -> list[str]:
    shown = list(dict.fromkeys(names))
    counted = [f"{name} x {names.count(name)}" if names.count(name) > 1 else name for name in shown]
    return [*counted[:NAMED], *([f"and {len(shown) - NAMED} more kinds"] if len(shown) > NAMED else [])]


def _through(rows: Sequence[Form], key: str, start: int, shown: Mapping[int, object]) -> set[int]:
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


def _taken(form: Form, level: Level, at: int, right: dict[int, list[int]]) -> set[int]:
    """The levels whose equations those of one level take: of each the last before it. The later trips of a loop take
    what their own trip made, and else what the one before did: the program says of the first alone what enters."""
    rows = form["equations"]
    found = set[int]()
    for own in level.equations:
        later = right[own][0] < at
        for one in _through(rows, "takes", own, right):
            if not later or rows[one]["times"] > 1:
                found |= {max((other for other in right[one] if other < at), default=at)}
    found.discard(at)
    if not found and any(right[own][0] < at for own in level.equations):
        found |= {max(other for others in right.values() for other in others if other < at)}
    return found


def _edge(levels: Sequence[Level], tops: Sequence[int], one: int, other: int, x: int, way: int) -> str:
    """From the bottom of a box to the top of the next, or around those between them."""
    if other == one + 1:
        middle = x - way * BOX / 2
        return f'<line x1="{middle:g}" x2="{middle:g}" y1="{tops[one] + levels[one].height}" y2="{tops[other]}"/>'
    begin, end = tops[one] + levels[one].height / 2, tops[other] + levels[other].height / 2
    out = x + way * min(EDGE - 2, 4 + 2 * (other - one))
    return f'<path d="M {x} {begin:g} C {out:g} {begin:g} {out:g} {end:g} {x} {end:g}"/>'


def _box(x: int, y: int, lines: Sequence[str], height: int, style: str) -> str:
    shown = [f'<rect class="{style}" x="{x}" y="{y}" width="{BOX}" height="{height}"/>']
    for at, line in enumerate(lines):
        head = ' class="head"' if not at else ""
        shown.append(f'<text{head} x="{x + PAD}" y="{y + PAD + 10 + at * LINE}">{escape(line)}</text>')
    return "".join(shown)


def _short(text: str) -> str:
    """As long as a box is wide: of a path as many of its last parts as fit, which tell it from its neighbours."""
    if len(text) <= LETTERS:
        return text
    if "." not in text:
        return f"{text[: LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    end = text[1 - LETTERS :]
    whole = end if text[-LETTERS] == "." or "." not in end else end.partition(".")[2]
    return f"\N{HORIZONTAL ELLIPSIS}{end if whole == 'grad' else whole}"


def svg(parts: Sequence[str], height: float) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">'
    return f"{head}{STYLE}{''.join(parts)}</svg>"
