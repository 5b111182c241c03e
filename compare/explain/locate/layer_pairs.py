"""Which layer of the reference is which of the port: those that hold the same arrays, by the weight map."""

from collections.abc import Iterable, Mapping

from compare.frameworks.models.references import ReferenceModel
from compare.pair.prepared import Prepared

Held = dict[str, frozenset[int]]  # by layer's path, the lines of the weight map that it holds


def paired_modules(prepared: Prepared) -> dict[str, str]:
    """The port's layers by their paths, each with the path of the reference's layer that holds the same arrays.

    Where several layers inside each other hold the same arrays, the whole models are a pair, layers that hold them
    directly are one, and the others are paired from the outside in.
    """
    if not isinstance(prepared.reference, ReferenceModel) or not prepared.port.modules:
        return {}
    entries = prepared.weight_map.entries
    modules = [path for path, _ in prepared.reference.module.named_modules()]
    here = _held(modules, ((entry.reference, number) for number, entry in enumerate(entries)), ".")
    leaves = ((entry.port.partition("/")[2], number) for number, entry in enumerate(entries))
    there = _held(prepared.port.modules, leaves, "/")
    pairs = {"": ""}
    for lines in dict.fromkeys(here.values()):
        mine = _inward(here, lines, ".")
        theirs = _inward(there, lines, "/")
        if not mine or not theirs:
            continue
        if _owns(mine[-1], lines, [entry.reference for entry in entries], ".") and _owns(
            theirs[-1], lines, [entry.port.partition("/")[2] for entry in entries], "/"
        ):
            pairs[theirs.pop()] = mine.pop()
        pairs |= dict(zip(theirs, mine, strict=False))
    return pairs


def _held(modules: Iterable[str], owned: Iterable[tuple[str, int]], mark: str) -> Held:
    found: dict[str, set[int]] = {path: set() for path in modules}
    for name, number in owned:
        parts = name.split(mark)
        for depth in range(1, len(parts)):
            path = mark.join(parts[:depth])
            if path in found:
                found[path].add(number)
    return {path: frozenset(lines) for path, lines in found.items() if lines}


def _inward(held: Mapping[str, frozenset[int]], lines: frozenset[int], mark: str) -> list[str]:
    """The layers that hold just these lines and lie inside each other, outermost first; the whole model is none."""
    paths = sorted((path for path, own in held.items() if own == lines and path), key=lambda path: path.count(mark))
    return [path for path in paths if path == paths[0] or path.startswith(paths[0] + mark)]


def _owns(path: str, lines: frozenset[int], names: list[str], mark: str) -> bool:
    """Whether every one of these arrays is the layer's own, and none that of a layer in it."""
    return all(names[number].rpartition(mark)[0] == path for number in lines)
