"""The user's rules: patterns of the reference's names to the port's paths, where the user knows better."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compare.errors import UsageError, shown

Rules = Mapping[str, str | tuple]


@dataclass
class AppliedRules:
    """What the rules say.

    Attributes:
        pairs: a reference's array to a leaf, with the axes that ``np.transpose`` takes, or None.
        reference, port: of the arrays of a layer, by name, which layer of the other side it is.
    """

    pairs: dict[str, tuple[str, tuple[int, ...] | None]] = field(default_factory=dict)
    reference: dict[str, Any] = field(default_factory=dict)
    port: dict[str, Any] = field(default_factory=dict)


def applied(rules: Rules, names: Iterable[str], paths: Iterable[str]) -> AppliedRules:
    """The rules on the names of both sides.

    Raises:
        UsageError: a rule is not (pattern: path or (path, axes)), or matches nothing on one of the sides.
    """
    result, names, paths, keys = AppliedRules(), list(names), list(paths), dict[str, Any]()
    for number, (pattern, target) in enumerate(rules.items()):
        path, axes = _path_and_axes(pattern, target)
        if pattern.endswith(".*") and path.endswith("/*"):  # all of a layer is the layer
            shown, path = pattern.removesuffix(".*"), path.removesuffix("/*")
        else:
            shown = pattern
        matches = [(name, matched) for name in names if (matched := _matched(shown, name)) and name not in result.pairs]
        if not matches:
            raise UsageError(f"rules: {pattern!r} matches no array of the reference: write a name or a layer's name")
        for name, (stars, rest) in matches:
            wanted = _filled(path, stars, pattern)
            exact = [leaf for leaf in paths if wanted in (leaf, leaf.partition("/")[2])]
            under = [leaf for leaf in paths if _under(leaf, wanted)]
            if not exact and not under:
                raise UsageError(f"rules: {pattern!r}: {wanted!r} is no leaf and no layer of the port")
            if exact and not rest:
                result.pairs[name] = (exact[0], axes)
                keys[name] = (number, stars[: path.count("*")])
            elif axes is not None:
                raise UsageError(f"rules: {pattern!r}: axes can be said of one array alone, not of a layer")
            else:
                key = (number, stars[: path.count("*")])  # what a layer's arrays differ in tells no layer
                result.reference[name] = key
                result.port.update(dict.fromkeys(under or exact, key))
    targets = [path for path, _ in result.pairs.values()]
    for name, (path, axes) in list(result.pairs.items()):
        if targets.count(path) > 1:  # several that are one there: which part is which, others tell
            if axes is not None:
                raise UsageError(f"rules: {path!r} is several arrays of the reference: axes can be said of one alone")
            del result.pairs[name]
            result.reference[name] = result.port[path] = keys[name]
    return result


def check_rules(rules: Rules) -> None:
    """Refuse what can be no rule, whatever the models are.

    Raises:
        UsageError: a pattern is no text, or leads to neither a path nor (path, axes).
    """
    for pattern, target in rules.items():
        if not isinstance(pattern, str):
            raise UsageError(f"rules: expected a name pattern of the reference, got {shown(pattern)}")
        _path_and_axes(pattern, target)


def _path_and_axes(pattern: str, target: Any) -> tuple[str, tuple[int, ...] | None]:
    if isinstance(target, str):
        return target, None
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[0], str):
        path, axes = target
        if isinstance(axes, tuple | list) and all(isinstance(axis, int) for axis in axes):
            return path, tuple(axes)
    raise UsageError(f"rules: {pattern!r}: expected a path of the port or (path, axes), got {target!r}")


def _matched(pattern: str, name: str) -> tuple[tuple[str, ...], str] | None:
    """What the stars stand for, and what follows the layer's name."""
    form = "([^.]+)".join(re.escape(part) for part in pattern.split("*"))
    match = re.fullmatch(form + r"(\..*)?", name)
    return None if match is None else (match.groups()[:-1], match.groups()[-1] or "")


def _filled(path: str, stars: tuple[str, ...], pattern: str) -> str:
    if path.count("*") > len(stars):
        raise UsageError(f"rules: {path!r} has more stars than {pattern!r}")
    for star in stars[: path.count("*")]:
        path = path.replace("*", star, 1)
    return path


def _under(path: str, prefix: str) -> bool:
    return path.startswith(f"{prefix}/") or path.partition("/")[2].startswith(f"{prefix}/")
