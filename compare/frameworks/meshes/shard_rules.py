"""How the leaves of a port are spread over a mesh: by rules that the pair names, else by the port's own annotations."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

from compare.errors import UsageError, shown
from compare.frameworks.meshes.mesh_axes import MeshAxes

Spec = tuple[str | tuple[str, ...] | None, ...]  # of each dimension, the axis or the axes that it is spread over
Shape = tuple[int, ...]
INPUT = "input."  # before the name of an array of the batch, as in what reports call its gradient


def check_sharding(rules: object) -> None:
    """Refuse what can be no rules, whatever the port and the mesh are.

    Raises:
        UsageError: it is no dictionary of patterns, or one of them leads to no PartitionSpec.
    """
    if not isinstance(rules, Mapping):
        raise UsageError(f"sharding: expected a dictionary of name patterns to PartitionSpec, got {shown(rules)}")
    for pattern, spec in rules.items():
        if not isinstance(pattern, str) or not pattern:
            raise UsageError(f"sharding: expected a pattern of the port's paths, got {shown(pattern)}")
        spec_of(spec, f"sharding: {pattern!r}")


def spec_of(given: Any, where: str) -> Spec:
    """A ``PartitionSpec``, or a tuple like one, as plain names.

    Raises:
        UsageError: it is neither; ``where`` begins the message.
    """
    if not isinstance(given, tuple | list) and not hasattr(given, "partitions"):  # JAX's own, without importing it
        raise UsageError(f"{where}: expected a PartitionSpec such as P(None, 'model'), got {shown(given)}")
    entries = tuple(tuple(one) if isinstance(one, list | tuple) else one for one in tuple(given))
    for entry in entries:
        names = entry if isinstance(entry, tuple) else (entry,)
        if entry is not None and not all(isinstance(name, str) for name in names):
            raise UsageError(f"{where}: expected None, an axis or a tuple of axes for each dimension, got {entry!r}")
    return tuple(entry or None for entry in entries)


def by_rules(rules: Mapping[str, Any], names: Iterable[str]) -> dict[str, Spec]:
    """Of each array that a rule is of, how it is spread: by the first that matches.

    Args:
        names: the port's paths, and the arrays of the batch as ``input.NAME``.

    Raises:
        UsageError: a rule matches none of them.
    """
    found: dict[str, Spec] = {}
    names = list(names)
    for pattern, spec in rules.items():
        form = _form(pattern)
        matched = [name for name in names if form.fullmatch(_dotted(name)) or form.fullmatch(_without_first(name))]
        if not matched:
            raise UsageError(
                f"sharding: {pattern!r} matches no leaf of the port and no input: write a path such as "
                f"{_example(names)!r}, with * for one part of it and ** for any number"
            )
        for name in matched:
            found.setdefault(name, spec_of(spec, f"sharding: {pattern!r}"))
    return found


def check_spec(name: str, shape: Shape, spec: Spec, axes: MeshAxes) -> Spec:
    """A specification that an array can be spread by, without its trailing dimensions that are whole.

    Raises:
        UsageError: it names an axis that the mesh has not, or one of them twice, has more dimensions than the array, or
            one that the axes do not divide.
    """
    sizes = dict(axes.sizes)
    used = [axis for entry in spec for axis in axes_of(entry)]
    for axis in used:
        if axis not in sizes:
            raise UsageError(f"mesh {axes}: {name} is spread over the axis {axis!r}, which the mesh has not: name it")
        if used.count(axis) > 1:
            raise UsageError(f"mesh {axes}: {name} is spread over the axis {axis!r} in two dimensions: one can be")
    if len(spec) > len(shape) and any(spec[len(shape) :]):
        raise UsageError(f"mesh {axes}: {name} has {len(shape)} dimensions, and its sharding {in_words(spec)} more")
    for dimension, (entry, length) in enumerate(zip(spec, shape, strict=False)):
        if length % (parts := _parts(entry, axes)):
            raise UsageError(
                f"mesh {axes}: {name}, of shape {shape}: dimension {dimension} has {length} entries, which "
                f"{'*'.join(axes_of(entry))}={parts} does not divide: choose another size, or leave it whole"
            )
    while spec and spec[-1] is None:
        spec = spec[:-1]
    return spec


def is_divided(shape: Shape, spec: Spec, axes: MeshAxes) -> bool:
    """Whether the axes divide every dimension that is spread over them."""
    return not any(length % _parts(entry, axes) for entry, length in zip(spec, shape, strict=False))


def axes_of(entry: str | Sequence[str] | None) -> tuple[str, ...]:
    """The axes that one dimension is spread over."""
    if entry is None:
        return ()
    return (entry,) if isinstance(entry, str) else tuple(entry)


def in_words(spec: Spec) -> str:
    """As one writes it: ``P(None, model)``; ``whole`` where nothing is spread."""
    if not any(spec):
        return "whole"
    parts = (f"({', '.join(entry)})" if isinstance(entry, tuple) else str(entry) for entry in spec)
    return f"P({', '.join(parts)})"


def _parts(entry: str | Sequence[str] | None, axes: MeshAxes) -> int:
    sizes = dict(axes.sizes)
    return prod(sizes[axis] for axis in axes_of(entry))


def _form(pattern: str) -> re.Pattern[str]:
    """``**`` stands for any number of parts, none included; ``*`` for one, or for some letters of one."""
    words = {"**.": r"(?:.*\.)?", ".**": r"(?:\..*)?", "**": ".*", "*": r"[^.]+"}
    parts = re.split(r"(\*\*\.|\.\*\*$|\*\*|\*)", _dotted(pattern))
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _without_first(name: str) -> str:
    """A path without its collection."""
    return _dotted(name.partition("/")[2]) if "/" in name else _dotted(name)


def _example(names: Sequence[str]) -> str:
    return names[0] if names else "params/kernel"
