"""The axis order of activations: which inputs the port wants permuted, and which outputs come back so."""

from collections.abc import Sequence
from itertools import product

import jax
import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.models.choose import port_model
from compare.frameworks.models.ports import PortModel
from compare.weights.mapping.atoms import finest
from compare.weights.mapping.jax_trace import trace_port
from compare.weights.mapping.slots import LETTERS
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Trace

Axes = tuple[int, ...] | None


def fitted_inputs(
    reference: Trace, known: Arrays, port: object, args: tuple, kwargs: dict, permute: bool
) -> tuple[PortModel, tuple[Axes, ...], Trace]:
    """The port traced on its inputs as they are, or as its convolutions want them.

    The reference's convolutions say which axis of an input is the channel, the port's say which one they contract;
    where both are known and differ, the input is permuted. Shapes only decide whether the port can be traced at all.

    Raises:
        UsageError: the port can be traced on none of them.
    """
    leaves, structure = jax.tree.flatten((args, kwargs))
    arrays = [at for at, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray | np.generic)]
    wanted = {at: _channels_last(value) for at, value in zip(arrays, reference.inputs, strict=False)}
    if len(arrays) != len(reference.inputs):
        wanted = {}
    tried: list[UsageError] = []
    as_given: tuple[Axes, ...] = tuple(None for _ in leaves)
    best: tuple[PortModel, tuple[Axes, ...], Trace] | None = None
    for axes in _candidates(as_given, wanted if permute else {}):
        moved = [leaf if order is None else np.transpose(leaf, order) for leaf, order in zip(leaves, axes, strict=True)]
        own_args, own_kwargs = jax.tree.unflatten(structure, moved)
        try:
            model = _model(port, own_args, own_kwargs, known)
            traced = trace_port(model, own_args, own_kwargs)
        except UsageError as error:
            tried.append(error)
            continue
        candidate = (model, axes, traced)
        if all(
            _agree(mine, theirs, axes[at])
            for at, mine, theirs in zip(arrays, reference.inputs, traced.inputs, strict=False)
        ):
            return candidate
        best = best or candidate
    if best is None:
        raise tried[0]
    return best


def _model(port: object, args: tuple, kwargs: dict, known: Arrays) -> PortModel:
    try:
        return port_model(port, args, kwargs, known)
    except UsageError:
        raise
    except Exception as error:  # a module without variables is traced here already
        swallowed(error)
        raise UsageError(f"the port raised {described(error)}") from error


def _candidates(as_given: tuple[Axes, ...], wanted: dict[int, Axes]) -> Sequence[tuple[Axes, ...]]:
    movable = [at for at, order in wanted.items() if order is not None]
    out = []
    for chosen in sorted(product((False, True), repeat=len(movable)), key=lambda one: len(set(one))):
        axes = list(as_given)
        for at, moved in zip(movable, chosen, strict=True):
            axes[at] = wanted[at] if moved else None
        out.append(tuple(axes))
    return out[:16]


def _channels_last(value: Value) -> Axes:
    """The axes that bring the input's channel to its end, where the reference convolves it."""
    labels = labels_of(value)
    if "c" not in labels and "s0" not in labels:
        # A single channel has no atoms: it is the axis beside batch and space.
        return None
    missing = [at for at, label in enumerate(labels) if label is None]
    channel = labels.index("c") if "c" in labels else next((at for at in missing if value.shape[at] == 1 and at), None)
    if channel is None or channel == len(labels) - 1:
        return None
    return (*(at for at in range(len(labels)) if at != channel), channel)


def labels_of(value: Value) -> list[str | None]:
    """What convolutions made of each axis; None where they say nothing, or several things."""
    labels = []
    for axis in value.axes:
        own = {atom.label for atom in finest(axis)}
        labels.append(own.pop() if len(own) == 1 else None)
    return labels


def _leading_labels(value: Value) -> list[str | None]:
    """What convolutions made of the slowest part of each axis: rows that are repeated, or made of channels by a pixel
    shuffle, are rows."""
    return [next((atom.label for atom in finest(axis)), None) for axis in value.axes]


def _agree(mine: Value, theirs: Value, axes: Axes) -> bool:
    """Whether the port convolves the input's axes as the reference does."""
    given = labels_of(mine)
    expected = given if axes is None else [given[at] for at in axes]
    return all(a is None or b is None or a == b for a, b in zip(expected, labels_of(theirs), strict=True))


Turned = dict[str, tuple[int, ...]]


def turned_outputs(reference: Trace, port: Trace, channels_last: bool = False) -> list[Turned]:
    """By output, the axes that bring the port's channels to where the reference has them; several such dictionaries
    where that is not told of all of them, the likeliest first.

    Args:
        channels_last: the port's inputs are turned, so that its outputs may be, whatever is told of them.
    """
    turned: Turned = {}
    open_ones: dict[str, list[tuple[int, ...]]] = {}
    for name, mine in reference.outputs.items():
        theirs = port.outputs.get(name)
        if theirs is None or len(theirs.shape) != len(mine.shape):
            continue
        axes = _told(mine, theirs)
        if axes is not None:
            turned |= {name: axes} if list(axes) != sorted(axes) else {}
        elif channels_last or "c" in (*_leading_labels(mine), *_leading_labels(theirs)):
            orders = _orders(mine.shape, theirs.shape)
            open_ones[name] = sorted(orders, key=lambda order: order[-1] == len(order) - 1) if channels_last else orders
    count = max(map(len, open_ones.values()), default=1)
    every = []
    for at in range(count or 1):
        chosen = {name: orders[min(at, len(orders) - 1)] for name, orders in open_ones.items() if orders}
        every.append(turned | {name: axes for name, axes in chosen.items() if list(axes) != sorted(axes)})
    return every


def _told(mine: Value, theirs: Value) -> tuple[int, ...] | None:
    """The axes that lay the port's labels along the reference's; what neither has a label of stays in its order."""
    wanted, there = _leading_labels(mine), _leading_labels(theirs)
    known = [label for label in wanted if label is not None]
    if len(set(known)) != len(known) or sorted(map(str, wanted)) != sorted(map(str, there)):
        return None
    rest = [
        [size for size, label in zip(value.shape, labels, strict=True) if label is None and size > 1]
        for value, labels in ((mine, wanted), (theirs, there))
    ]
    if not known or rest[0] != rest[1]:
        return None
    of_size: dict[bool, list[int]] = {True: [], False: []}
    for at, label in enumerate(there):
        if label is None:
            of_size[theirs.shape[at] > 1].append(at)
    return tuple(
        of_size[size > 1].pop(0) if label is None else there.index(label)
        for label, size in zip(wanted, mine.shape, strict=True)
    )


def _orders(wanted: tuple[int, ...], given: tuple[int, ...]) -> list[tuple[int, ...]]:
    """As it is, and with the channels brought from the end to another place but the first, to the second before all
    others, or back, where that makes the shape."""
    rank = len(wanted)
    if rank < 3:
        return []
    rest = range(rank - 1)
    moved = [(*rest[:at], rank - 1, *rest[at:]) for at in rest[1:]]
    back = [(*(axis for axis in range(rank) if axis != at), at) for at in rest[1:]]
    orders = dict.fromkeys([tuple(range(rank)), *moved, *back])
    return [order for order in orders if tuple(given[at] for at in order) == wanted]


def exchanged(turned: Turned, reference: Trace) -> list[str]:
    """A notice for each output whose axes come back in an order that no framework asks for: more than the channels are
    elsewhere."""
    notes = []
    for name, axes in turned.items():
        orders = [[axis for axis in axes if axis != moved] for moved in axes]
        if any(order == sorted(order) for order in orders):
            continue
        labels = _leading_labels(reference.outputs[name])
        mine = [LETTERS.get(str(label), str(at)) for at, label in enumerate(labels)]
        theirs = [letter for _, letter in sorted(zip(axes, mine, strict=True))]
        notes.append(
            f"{name}: the port's axes are ({', '.join(theirs)}), the reference's ({', '.join(mine)}): more than the "
            "channels are elsewhere. They were put in order before anything was compared; where the port is not meant "
            "to return them so, it is another function"
        )
    return notes
