"""What sharding breaks, one row each: how the reference would have to run to be the port, and that in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from compare.explain.doctor.meshes.reference_in_shards import FIRST, LAST, ZEROS, Block, InShards
from compare.explain.doctor.meshes.rows_apart import Parts, Suspect, rows_apart
from compare.explain.doctor.thresholds import LISTED, TIMES
from compare.frameworks.meshes.mesh_axes import BY_ROWS, MeshAxes
from compare.sides.side import Run, What
from compare.verdict.counted import counted
from compare.verdict.verdict import Judgement

GRADIENT, UPDATE = "grad/", "update/"
OVER_ALL = (
    "take them over all shards, by lax.pmean (axis_name= of Flax's BatchNorm), or leave the layer outside of shard_map"
)


@dataclass(frozen=True)
class Seen:
    """What is known of a run in which a port on a mesh differs.

    Attributes:
        rows: of its batch; what: a mode, or the training steps.
        drops: whether the reference dropped anything; normalizes: whether it keeps statistics of batches.
        differing: the quantities that differ.
        reference, port: both sides' float64 runs.
    """

    axes: MeshAxes
    rows: int
    what: What
    drops: bool
    normalizes: bool
    differing: Mapping[str, Judgement]
    reference: Run
    port: Run

    @property
    def sizes(self) -> list[int]:
        """Into how many shards something may be cut: the axes' sizes, rows' first, and all devices."""
        every = sorted(self.axes.sizes, key=lambda axis: axis[0] != BY_ROWS)
        found = [size for _, size in every] + [prod(size for _, size in every)]
        return [size for size in dict.fromkeys(found) if size > 1]

    def over(self, parts: int, rows: bool = False) -> str:
        """The axes that have so many devices, in words; of what goes by ``rows`` the one of the rows."""
        names = [name for name, size in self.axes.sizes if size == parts]
        if rows and BY_ROWS in names:
            names = [BY_ROWS]
        return " or ".join(f"`{name}`" for name in names) or f"all {parts} devices"


def suspects(seen: Seen) -> Iterator[Suspect]:
    """Every way that may explain what is seen, the simplest first."""
    for rows in ROWS:
        yield from rows(seen)


def _one_mask(seen: Seen) -> Iterator[Suspect]:
    for parts in seen.sizes if seen.drops else ():
        axis = seen.over(parts, rows=True)
        yield Suspect(
            InShards(parts, one_mask=True), "dropout key", "a mask of its own for every row", "one mask on all shards",
            f"every shard along {axis} drops what the first one drops, since all draw with one key: give each its own, "
            f'such as jax.random.fold_in(key, lax.axis_index("{_first(axis)}"))',
        )  # fmt: skip


def _apart(seen: Seen) -> Iterator[Suspect]:
    for parts in seen.sizes:
        words = Parts(
            parts, seen.rows, "each shard's", f" along {seen.over(parts, rows=True)}", "the reference",
            norm=OVER_ALL, other=OVER_ALL,
            scaled="sum what is scored and count it over all shards (lax.psum of both), then divide",
            gathered="gather the outputs first (lax.all_gather)",
        )  # fmt: skip
        yield from rows_apart(words, seen.normalizes)


def _padded(seen: Seen) -> Iterator[Suspect]:
    for parts in seen.sizes:
        more = -seen.rows % parts
        if not more:
            continue
        axis = seen.over(parts, rows=True)
        begin = f"{counted(more, 'row')} that {'pads' if more == 1 else 'pad'} the batch of {seen.rows} for {axis}"
        end = "counted in the loss: leave them out of its sum, and of its count"
        be = "is" if more == 1 else "are"
        for what in (ZEROS, LAST, FIRST):
            how = InShards(parts, padding=what)
            yield Suspect(how, "padding", "no rows more", f"{more} more", f"{begin} ({what}) {be} {end}")
        how = InShards(parts, padded_outputs=True)
        yield Suspect(how, "padding", "no rows more", f"{more} more", f"{begin} (zeros, behind the model) {be} {end}")


def _summed(seen: Seen) -> Iterator[Suspect]:
    """Gradients that are a whole number of the reference's: of as many as an axis has devices, or a part of it."""
    names = [name for name in seen.differing if _is_parameters(name)]
    ratios = {name: _ratio(seen.reference[name], seen.port[name]) for name in names if name in seen.port}
    for parts in seen.sizes:
        axis = seen.over(parts)
        for factor, port, text in (
            (float(parts), "sum", "the sum over {} of what is averaged in the reference (lax.psum for lax.pmean)"),
            (1.0 / parts, "mean", "the mean over {} of what is summed in the reference (lax.pmean for lax.psum)"),
        ):
            scaled = [name for name, ratio in ratios.items() if ratio is not None and abs(ratio - factor) < TIMES]
            if scaled:
                parameters = [name.removeprefix(GRADIENT) for name in scaled]
                many = "the gradient of" if len(scaled) == 1 else "the gradients of"
                be = "is" if len(scaled) == 1 else "are"
                said = f"{many} {_listed(parameters)} {be} {text.format(axis)}"
                yield Suspect(
                    InShards(parts, factors=dict.fromkeys(parameters, factor)),
                    "gradient reduction", "mean" if port == "sum" else "sum", port, said,
                )  # fmt: skip


def _left_out(seen: Seen) -> Iterator[Suspect]:
    """Parameters of which the part that one device holds has no gradient, or never moves."""
    steps = seen.what == "steps"
    prefix = UPDATE if steps else GRADIENT
    names = [name for name in seen.differing if name.startswith(prefix) and _is_parameters(name)]
    found = {
        name.removeprefix(prefix): part
        for name in names
        if name in seen.port and (part := _zero_part(seen.reference[name], seen.port[name], seen.sizes))
    }
    if not found:
        return
    blocks = {name: block for name, (block, _, _) in found.items()}
    (_, number, parts), name = next(iter(found.values())), next(iter(found))
    whose = f"device {number} of {parts} along {seen.over(parts)}"
    what = "never change" if steps else "have no gradient"
    end = "reduce its gradient and step there as on the others"
    shown = _in_brackets(blocks[name])
    more = f", and of {_listed([*blocks][1:])} likewise" if len(blocks) > 1 else ""
    text = f"the entries {shown} of {name}, which {whose} holds, {what}{more}: {end}"
    how = InShards(parts, still=blocks) if steps else InShards(parts, without=blocks)
    yield Suspect(how, "update" if steps else "gradient", "of every entry", "of all but one device's", text)


ROWS: Sequence[Callable[[Seen], Iterator[Suspect]]] = (_one_mask, _apart, _padded, _summed, _left_out)


def _is_parameters(name: str) -> bool:
    return name.startswith((GRADIENT, UPDATE)) and not name.startswith(f"{GRADIENT}input.")


def _ratio(one: np.ndarray, other: np.ndarray) -> float | None:
    """What ``other`` is of ``one``; None where it is no multiple."""
    size = float(np.vdot(one, one).real)
    if not size:
        return None
    ratio = float(np.vdot(one, other).real) / size
    return ratio if np.linalg.norm(other - ratio * one) <= TIMES * np.linalg.norm(other) else None


def _zero_part(one: np.ndarray, other: np.ndarray, sizes: Sequence[int]) -> tuple[Block, int, int] | None:
    """The part of an array, cut evenly along one dimension, that is zero in ``other`` alone: itself, its number, and
    of how many."""
    for axis, parts in product(range(one.ndim), sizes):
        length = one.shape[axis] // parts
        if one.shape[axis] % parts:
            continue
        for number in range(parts):
            block = (*(slice(None),) * axis, slice(number * length, (number + 1) * length))
            rest = np.delete(other, np.r_[block[axis]], axis)
            if not other[block].any() and one[block].any() and rest.any():
                return block, number, parts
    return None


def _in_brackets(block: Block) -> str:
    return f"[{', '.join(':' if part.stop is None else f'{part.start}:{part.stop}' for part in block)}]"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:LISTED])}{f' and {len(names) - LISTED} more' if len(names) > LISTED else ''}"


def _first(axis: str) -> str:
    return axis.split("`")[1] if "`" in axis else BY_ROWS
