"""What whoever loads weights has to do that no framework asks for, in words and as NumPy writes it."""

from collections.abc import Iterable, Sequence

from compare.arrays.arrays import Shapes
from compare.arrays.views import View
from compare.weights.entry import Entry
from compare.weights.own.factor_orders import FactorOrder, factor_orders
from compare.weights.own.own_weights import Side
from compare.weights.own.part_orders import PartOrder, part_orders
from compare.weights.own.rearrangement import axis_words

SHOWN = 3  # arrays that are named


def loader_notices(entries: Iterable[Entry], shapes: Shapes, leaves: Shapes, original: Side = "reference") -> list[str]:
    """A line for each array of which an axis has to be put into another order.

    Args:
        shapes: of the reference's arrays, by name; leaves: of the port's, by path.
        original: the side whose weights are loaded into the other.
    """
    every = [*entries]
    orders: list[FactorOrder | PartOrder] = [*factor_orders(every, shapes, leaves), *part_orders(every, shapes, leaves)]
    said = [
        _said_of_parts(order, shapes, leaves, original)
        if isinstance(order, PartOrder)
        else _said(order, shapes, leaves, original)
        for order in orders[:SHOWN]
    ]
    if len(orders) > SHOWN:
        said.append(
            f"your loader must permute {len(orders) - SHOWN} more arrays in such a way: --explain lists the map"
        )
    return said


def _said_of_parts(order: PartOrder, shapes: Shapes, leaves: Shapes, original: Side) -> str:
    """Ranges are those of the array that is loaded: it is that which is cut."""
    entry, of_port = order.entry, original == "port"
    source, target = (entry.port, entry.reference) if of_port else (entry.reference, entry.port)
    shape, axis = (leaves[source], order.axis) if of_port else (shapes[source], order.reference_axis)
    (before, after), how = order.in_words(of_port), order.in_numpy(of_port)
    return f"your loader must permute {source}'s {axis_words(axis, shape)} from {before} to {after}" + (
        f": {target} is {how}" if how else ""
    )


def _said(order: FactorOrder, shapes: Shapes, leaves: Shapes, original: Side) -> str:
    entry, (before, after) = order.entry, order.words
    if original == "reference":
        layer, what = (
            _layer(entry.port.partition("/")[2] or entry.port, "/"),
            axis_words(order.axis, leaves[entry.port]),
        )
        how = _in_numpy(entry.reference, entry.reference_view, entry.port_view, leaves[entry.port])
        how = _called(entry.reference, order.to_port) if order.to_port else how
        target = entry.port
    else:
        layer, what = _layer(entry.reference, "."), axis_words(order.reference_axis, shapes[entry.reference])
        before, after = after, before
        how = _in_numpy_back(entry.port, entry.port_view, entry.reference_view, shapes[entry.reference])
        how = _called(entry.port, order.to_reference) if order.to_reference else how
        target = entry.reference
    to = f"to {after}" if before != after else "to its transpose"  # two axes of one size
    return f"your loader must permute {layer}'s {what} from {before} {to}" + (f": {target} is {how}" if how else "")


def _layer(name: str, mark: str) -> str:
    return name.rpartition(mark)[0] or name


def _in_numpy_back(source: str, view: View, target: View, shape: tuple[int, ...]) -> str:
    """How the reference's array is made of the port's, where the reference's is seen reshaped and transposed."""
    kinds = [kind for kind, _ in target.steps]
    if kinds not in (["reshape", "transpose"], ["transpose"]) or any(kind != "reshape" for kind, _ in view.steps):
        return ""
    back = tuple(sorted(range(len(target.steps[-1][1])), key=target.steps[-1][1].__getitem__))
    steps = [*view.steps, ("transpose", back), *([("reshape", shape)] if "reshape" in kinds else [])]
    return _called(source, steps)


def _called(source: str, steps: Sequence[tuple[str, tuple[object, ...]]]) -> str:
    return source + "".join(f".{kind}({', '.join(map(str, how))})" for kind, how in steps)


def _in_numpy(source: str, view: View, target: View, shape: tuple[int, ...]) -> str:
    """How the port's array is made of the reference's, where reshaping and transposing are all of it."""
    steps = [*view.steps, *([("reshape", shape)] if target.steps else [])]
    if any(kind not in ("reshape", "transpose") for kind, _ in steps) or len(target.steps) > 1:
        return ""
    return _called(source, steps)
