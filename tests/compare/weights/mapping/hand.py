"""Small programs by hand: what the tests of single modules put together, and what must hold of every value."""

from compare.weights.mapping.atoms import finest, size_of
from compare.weights.mapping.units import Unit, Value
from compare.weights.mapping.walk import Walk


def sound(value: Value, shape) -> bool:
    """Whether the value has that shape and each of its axes as many entries."""
    assert value.shape == tuple(shape), f"{value.shape} is not {tuple(shape)}"
    assert [size_of(finest(axis)) for axis in value.axes] == [max(size, 1) for size in shape], (
        f"axes of {shape} have other sizes"
    )
    return True


def roles(unit: Unit) -> list[tuple[str, int]]:
    """Role and size of each factor, in memory order."""
    return [(factor.role, factor.size) for factor in unit.factors]


def same_atoms(one, other) -> bool:
    """Whether two axes are one: the very same atoms."""
    return [atom.root for atom in finest(one)] == [atom.root for atom in finest(other)]


def dense(walk: Walk, x: Value, weight: str, bias: str = "", out_first: bool = True, out: int = 4) -> Value:
    """A layer as torch stores it (out, in) or as Flax does (in, out)."""
    into = x.shape[-1]
    axis = 1 if out_first else 0
    y = walk.dot(x, walk.weight(weight, (out, into) if out_first else (into, out)), [(len(x.shape) - 1, axis)], [])
    return walk.elementwise("add", [y, walk.weight(bias, (out,))], y.shape) if bias else y


def chain(*layers: str, out_first: bool = True, bias: str = "") -> Walk:
    """Square layers one after another; ``bias`` is the name of their summands, beside the matrix."""
    walk = Walk()
    x = walk.input((2, 4))
    for layer in layers:
        parent = layer[: len(layer) - len(layer.replace(".", "/").split("/")[-1])]
        x = dense(walk, x, layer, parent + bias if bias else "", out_first)
    return walk
