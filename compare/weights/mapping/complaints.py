"""What could not be paired, in one line: what it is, what it could be, and the rule or the map that would say so."""

from collections.abc import Container, Mapping, Sequence

from compare.errors import UsageError, in_one_line
from compare.weights.mapping.groups import Group
from compare.weights.mapping.names import alike
from compare.weights.mapping.paired import Array

LONG = 300  # of what an error says
FEW = 6  # names that are listed
BY_HAND = "; where it is kept in another way, write the map by hand: weight_map=WeightMap(...)"
LEFT_OUT = "; where it does nothing (a bias of zeros), leave it out by its name: accept=(...)"  # said of vectors


class AmbiguousError(UsageError):
    """Several arrays could be the counterpart of one."""


class UnmatchedError(UsageError):
    """An array has no counterpart.

    Attributes:
        array: which one; side: whose it is.
    """

    def __init__(self, text: str, array: Array, side: str) -> None:
        super().__init__(text)
        self.array, self.side = array, side


def not_followed(side: str, error: Exception) -> UsageError:
    """What raised is in the noting of a side's operations, which is ours: the side itself runs."""
    return UsageError(
        f"weight map: {side} runs, and jaxport cannot follow its operations ({in_one_line(error, LONG)}): write the "
        "map by hand: weight_map=WeightMap(...)"
    )


def ambiguous(group: Group) -> AmbiguousError:
    """Names the arrays of the group and their candidates, and a rule for the first with all that it may say."""
    array = group.reference[0]
    candidates = [other.name for other in group.port]
    parts = len(set(candidates)) == 1 < len(candidates)
    choice = f"each of {len(candidates)} parts of {candidates[0]}" if parts else _listed(candidates, "or")
    others = [name for name in dict.fromkeys(other.name for other in group.reference) if name != array.name]
    so = f", and so could {_listed(others, 'and')}" if others else ""
    layers, ports = _layer(array), [_layer(other) for other in group.port]
    uneven = len(group.reference) != len(group.port)  # what else is in those layers, the rule must not say
    alike = len({_layer(other) for other in group.reference}) < len(group.reference) or len(set(ports)) < len(ports)
    if uneven or alike:
        layers, ports = array.name, candidates  # several arrays of one layer: only their own names tell them apart
    if all(other.tag.isdigit() for other in group.port):  # one layer of a stack: a rule speaks of the whole
        layers = ".".join("*" if part.isdigit() else part for part in layers.split("."))
    first, *rest = [repr(path.removeprefix("params/")) for path in dict.fromkeys(ports)]
    rule = "rules={" + f"{layers!r}: {first}" + "}" + (f" (or {_listed(rest, 'or')})" if rest else "")
    if uneven:  # of which any may be another's: the first candidate of the first array would be a guess
        rule = (
            f"a map by hand, a line for every array: weight_map=WeightMap([Entry({array.name!r}, 'params/...'), ...])"
        )
        if len(group.reference) < len(group.port) == len(set(candidates)):
            rule = f"accept=({candidates[-1]!r},) if that is the one without a counterpart, or with {rule}"
    if len({other.name for other in group.reference}) < len(group.reference) or len(set(candidates)) < len(candidates):
        rule = "weight_map=: it is one array on one side and several on the other"
    return AmbiguousError(f"weight map: {array.name} could be {choice} ({_likeness(group)}){so}: say which with {rule}")


def _listed(names: Sequence[str], word: str) -> str:
    """The first of the names, and how many more there are."""
    shown = [*names[:FEW], f"{len(names) - FEW} more"] if len(names) > FEW + 1 else [*names]
    return f" {word} ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _likeness(group: Group) -> str:
    source = {array.before for array in group.port if array.unit.uses}
    return ", ".join(["same shape", *(["same input"] if len(source) == 1 else []), "names do not tell"])


def _layer(array: Array) -> str:
    """The layer that an array belongs to, as a rule names it; the array where that is the model."""
    if array.gate is not None and not array.name.startswith(array.parent):  # torch packs the layers of a stack in one
        owner = array.name.rpartition(".")[0]
        return f"{owner}.*{array.parent.removeprefix(owner)}".lstrip(".")
    return array.parent if array.parent not in ("", "params") else array.name


def unmatched(array: Array, side: str, others: Sequence[Array], taken: Container[Array]) -> UnmatchedError:
    """Names the array, its shape, and why the nearest ones are not it."""
    other_side = "the port" if side == "the reference" else "the reference"
    names = {other.name: other for other in others}
    order = sorted(
        alike(names, array.name), key=lambda name: (names[name] in taken, names[name].what[0] != array.what[0])
    )
    near = [
        f"{name} {names[name].unit.shape} {_refused(array, names[name], names[name] in taken)}" for name in order[:2]
    ]
    nearest = f"; nearest: {'; '.join(near)}" if near else ""
    shape = array.unit.shape
    advice = BY_HAND + (LEFT_OUT if len(shape) == 1 else "")
    text = f"weight map: {array.name} {shape} of {side} has no counterpart in {other_side}{nearest}{advice}"
    return UnmatchedError(text, array, side)


def untied(error: UnmatchedError, tied: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> UnmatchedError:
    """The same of a leaf of the port that the reference has no array for, since it holds one under two names.

    Args:
        tied: further names of the reference's parameters, and their first; shapes: of its arrays.
    """
    array = error.array
    for name, first in tied.items() if error.side == "the port" else ():
        if sorted(shapes[first]) == sorted(array.unit.shape):
            text = (
                f"weight map: the reference ties {name} to {first}, and the port has an array for each: "
                f"{array.name} {array.unit.shape} has no counterpart. One array is trained by both uses, two are not: "
                "tie them in the port too"
            )
            return UnmatchedError(text, array, error.side)
    return error


def _refused(array: Array, other: Array, taken: bool) -> str:
    mine, theirs = array.what, other.what
    if taken:
        tied = len(other.unit.uses) > 1 and sorted(other.unit.shape) == sorted(array.unit.shape)
        return "is another's counterpart" + (", and used more than once: are the two tied there?" if tied else "")
    if array.rule != other.rule:
        return "is not what the rules say"
    if array.unit.is_complex != other.unit.is_complex:
        return "is complex, not real" if other.unit.is_complex else "is real, not complex"
    if mine[0] != theirs[0]:
        return f"is {_USE_WORDS[theirs[0]]}, not {_USE_WORDS[mine[0]]}"
    return "is of another size"


_USE_WORDS = {
    "matrix": "a matrix", "conv": "a convolution's kernel", "table": "a table", "scale": "a factor",
    "shift": "a summand", "loose": "used in another way", "unused": "never used",
}  # fmt: skip
