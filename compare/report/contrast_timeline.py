"""The bytes alive through forward and backward pass on both sides, drawn: own SVG, as wide as a phone."""

from collections.abc import Iterator, Sequence

from compare.report.contract import Form
from compare.report.contrast import own_bytes
from compare.report.contrast_pictures import EDGE, WIDTH, svg
from compare.verdict.bytes_in_words import size


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
        f'<text class="dim" x="{EDGE}" y="{base + 14}">forward</text>',
        f'<text class="dim" x="{half + 3:g}" y="{base + 14}">backward</text>',
        drawn(tape, "tape"),
        drawn(kept, "kept"),
        f'<line class="tape" x1="{EDGE}" x2="{EDGE + 20}" y1="{base + 30}" y2="{base + 30}"/>',
        f'<text x="{EDGE + 27}" y="{base + 34}">the tape</text>',
        f'<line class="kept" x1="{EDGE}" x2="{EDGE + 20}" y1="{base + 46}" y2="{base + 46}"/>',
        f'<text x="{EDGE + 27}" y="{base + 50}">jax.vjp, op by op, with copies</text>',
    ]
    return svg(parts, base + 58)


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
