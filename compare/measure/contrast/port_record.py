"""The port's loss and its gradient, traced and evaluated: the equations of both, and what ``jax.vjp`` keeps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax.extend import core

from compare.arrays.arrays import from_jax
from compare.explain.locate.port import QUICKLY
from compare.frameworks.devices import Device
from compare.frameworks.dropout import mask_layouts
from compare.frameworks.dropout.masks import draw
from compare.frameworks.integers import float64
from compare.frameworks.recording.unfolded_program import Equation, Unfolded, applied, unfolded
from compare.measure.contrast.dataflow import Dataflow, Made
from compare.measure.contrast.kept_arrays import Held, Kept, copied
from compare.measure.contrast.thresholds import TRIPS
from compare.measure.contrast.values_alike import Contents, is_moved
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.port import PortSide
from compare.sides.seeds import mask_seed
from compare.sides.side import Dropped
from compare.verdict.precision import FLOAT32


@dataclass(frozen=True)
class PortRecord:
    """One program: the loss's equations and its gradient's in one list, as a dataflow too.

    Attributes:
        program: as it was traced.
        in_loss: the positions of those that the loss needs; the others are the gradient's.
        needed: of those that the loss or the gradient needs. followed: of the loops that are followed trip by trip.
        learning: the values that depend on a parameter.
        gradients: by path of a leaf the number of its gradient.
    """

    loss: float
    program: core.ClosedJaxpr
    equations: Sequence[Equation]
    in_loss: frozenset[int]
    needed: frozenset[int]
    followed: frozenset[int]
    flow: Dataflow
    learning: frozenset[int]
    residuals: tuple[Held, ...]
    gradients: Mapping[str, int]


def record_port(prepared: Prepared, entering: Entering, device: Device, dropped: Dropped) -> PortRecord:
    """Trace the port's value and gradient as people write them, and evaluate every equation in float64 with the
    reference's dropout masks."""
    side, batch = PortSide(prepared, FLOAT32, device.jax), entering.batches[0]
    with side.x64():
        leaves, inputs, targets = side.arrays(entering)
        params, rest = side.tree(leaves)

        def loss_of(params: Any, rest: Any, inputs: Any, targets: Any) -> jax.Array:
            return side.loss_of(inputs, targets, batch, drawing=True)(params, rest)[0]

        args = (params, rest, inputs, targets)
        program = jax.make_jaxpr(jax.value_and_grad(loss_of))(*args)
        gradient = unfolded(program, TRIPS)
        halves = unfolded(
            jax.make_jaxpr(lambda params, *others: jax.vjp(lambda own: loss_of(own, *others), params))(*args)
        )
        names = [_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(args)[0]]
        pull_back = jax.vjp(lambda own: loss_of(own, *args[1:]), params)[1]
        held = {memory for leaf in jax.tree.leaves(pull_back) if (memory := _memory(leaf)) is not None}
        shared = frozenset(
            name for name, leaf in zip(names, jax.tree.leaves(args), strict=True) if _memory(leaf) in held
        )
        flat = [from_jax(leaf) for leaf in jax.tree.leaves(args)]
    masks = [draw(mask_seed(entering, 0), at, shape, rate) for at, (shape, rate) in enumerate(dropped)]
    values, kept = _values(gradient, halves, flat, masks, bool(prepared.input_axes))
    flow = Dataflow(values, tuple(_steps(gradient, values)), gradient.given)
    residuals = _residuals(halves, kept, dict(zip(names, flat, strict=True)), shared)
    loss = float(values[gradient.outputs[0]])
    equations, learning = gradient.equations, flow.following(gradient.given[: len(jax.tree.leaves(params))])
    in_loss, needed = (leading_to(equations, wanted) for wanted in (gradient.outputs[:1], gradient.outputs))
    gradients: Any = prepared.port.flat(jax.tree.unflatten(jax.tree.structure(params), gradient.outputs[1:]))
    followed = frozenset(at for at, one in enumerate(equations) if _is_followed(one, gradient))
    return PortRecord(loss, program, equations, in_loss, needed, followed, flow, learning, residuals, gradients)


def _values(
    gradient: Unfolded, halves: Unfolded, args: Sequence[np.ndarray], masks: Sequence[np.ndarray], channels_last: bool
) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Every value of the program by its number, and of the forward half those that it hands on."""

    def mask(number: int, shape: tuple[int, ...]) -> Any:
        if number >= len(masks) or not (ways := mask_layouts.fits(masks[number].shape, shape, channels_last)):
            return None
        return jax.numpy.asarray(mask_layouts.laid_out(masks[number], shape, ways[0]))

    def every(args: list[jax.Array]) -> tuple[dict[int, jax.Array], dict[int, jax.Array]]:
        whole, half = gradient.evaluated(args, mask), halves.evaluated(args, mask)
        return _numbers(enumerate(whole)), _numbers((number, half[number]) for number in halves.outputs)

    with float64(), jax.numpy_dtype_promotion("standard"):
        made = jax.jit(every, compiler_options=QUICKLY)([jax.numpy.asarray(one) for one in args])
        return tuple({number: np.asarray(one) for number, one in each.items()} for each in made)  # type: ignore[return-value]


def _numbers(values: Any) -> dict[int, jax.Array]:
    """Those that are arrays of numbers: a random key is none."""
    return {
        number: jax.numpy.asarray(one)
        for number, one in values
        if not jax.dtypes.issubdtype(getattr(one, "dtype", np.float64), jax.dtypes.extended)
    }


def _steps(program: Unfolded, values: Mapping[int, np.ndarray]) -> list[Made]:
    """Each equation; what seems to move an operand is tried on other numbers, all at once."""
    contents = {number: Contents(array) for number, array in values.items()}
    seeming = [one for one in program.equations if _seems_moved(one, contents)]
    rng = np.random.default_rng(0)
    drawn = [[_other(values[number], number in program.constants, rng) for number in one.operands] for one in seeming]
    moves = set[int]()
    if seeming:
        with float64(), jax.numpy_dtype_promotion("standard"):
            made = jax.jit(
                lambda drawn: [applied(one, own) for one, own in zip(seeming, drawn, strict=True)],
                compiler_options=QUICKLY,
            )(drawn)
        for one, own, results in zip(seeming, drawn, made, strict=True):
            pairs = ((Contents(operand), Contents(np.asarray(result))) for operand in own for result in results)
            if any(is_moved(operand, result) for operand, result in pairs):
                moves.add(one.at)
    steps, rows = [], set[int]()
    for one in program.run:
        for number in one.operands:
            if number in program.rows and number not in rows:  # a row that a scan's body gets
                rows.add(number)
                whole, row = program.rows[number]
                made = program.stacks.get(whole)
                steps.append(Made((made[row],), (number,), moves=True) if made else Made((whole,), (number,)))
        if _is_followed(one, program):
            steps += _of_trips(one, program)
        else:
            steps.append(Made(one.operands, one.results, one.at, one.at in moves))
    return steps


def _is_followed(one: Equation, program: Unfolded) -> bool:
    return any(number in program.ends or number in program.stacks for number in one.results)


def _of_trips(loop: Equation, program: Unfolded) -> Iterator[Made]:
    """What a loop that is followed trip by trip does itself: hands on what the last makes, and stacks rows."""
    for number in loop.results:
        if number in program.ends:
            yield Made((program.ends[number],), (number,), moves=True)
        else:
            yield Made(program.stacks[number], (number,), loop.at)


def _seems_moved(one: Equation, contents: Mapping[int, Contents]) -> bool:
    known = all(number in contents for number in (*one.operands, *one.results))
    return known and any(is_moved(contents[a], contents[b]) for a in one.operands for b in one.results)


def _other(array: np.ndarray, is_constant: bool, rng: np.random.Generator) -> np.ndarray:
    """Other numbers in the place of floats and truths; what counts or points, and what the program holds, stays."""
    if is_constant or array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b":
        return rng.random(array.shape) < 0.5
    return rng.standard_normal(array.shape).astype(array.dtype)


def leading_to(equations: Sequence[Equation], values: Iterable[int]) -> frozenset[int]:
    """The positions of the equations that some values need; of a loop's body all are."""
    wanted, found = set(values), set[int]()
    for at in range(len(equations) - 1, -1, -1):
        one = equations[at]
        if not wanted.isdisjoint(one.results):
            found.add(at)
            wanted.update(one.operands)
    for at, one in enumerate(equations):
        if one.inside in found:
            found.add(at)
    return frozenset(found)


def _residuals(
    halves: Unfolded, values: Mapping[int, np.ndarray], args: Mapping[str, np.ndarray], shared: frozenset[str]
) -> tuple[Held, ...]:
    """What the forward half hands on beside the loss. An argument itself costs nothing where it is ``shared``, as a run
    op by op has it; what holds the values of one is a copy of it. What only the harness uses, the cotangent of a pair
    without a loss, is no residual of the pair's."""
    by_number = dict(zip(halves.given, args, strict=True))
    makers = {result: one for one in halves.equations for result in one.results}
    moments = {id(one): (at + 1) / len(halves.equations) for at, one in enumerate(halves.equations)}
    entered = {name: Contents(array) for name, array in args.items()}
    own, others = (
        {at for one in halves.equations if one.own is whose for at in one.operands} for whose in (True, False)
    )
    listed: dict[int, int] = {}
    rows: list[Held] = []
    for number in halves.outputs[1:]:
        if number not in values:
            continue
        array, maker, argument = values[number], makers.get(number), by_number.get(number, "")
        if not argument and number not in own and (number in others if maker is None else not maker.own):
            continue
        held_dtype = args[argument].dtype if argument else halves.dtypes.get(number, array.dtype)
        dtype = maker.dtype_of(number) if maker else held_dtype
        held = Contents(array)
        kept = Kept(
            maker.name if maker else "", array.shape, dtype.name, array.size * dtype.itemsize,
            constant=held.is_constant, by=maker.path if maker else "", place=maker.place if maker else "",
            moment=moments[id(maker)] if maker else 0.0,
        )  # fmt: skip
        if argument in shared:
            kept = replace(kept, same_as=argument)
        else:
            kept = replace(kept, earlier=listed.get(number), copy_of=argument or copied(held, entered))
        listed.setdefault(number, len(rows))
        rows.append(Held(kept, held))
    return tuple(rows)


def _memory(leaf: Any) -> int | None:
    """Where an array lies; a random key says it nowhere."""
    plain = isinstance(leaf, jax.Array) and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)
    return leaf.unsafe_buffer_pointer() if plain and leaf.size else None


def _name(path: tuple) -> str:
    """A leaf of the arguments by what it is called on its own side."""
    return "/".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path[1:])
