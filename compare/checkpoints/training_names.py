"""The names in a checkpoint, where training or a wrapper has added to them, as the model has them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")

# What wraps a module adds a part to the names of all that is in it.
WRAPPERS = {
    "module": "DataParallel, DistributedDataParallel or AveragedModel",
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FullyShardedDataParallel",
    "_checkpoint_wrapped_module": "a checkpoint wrapper",
}
VARIABLE = "/value"  # what a saved state of NNX has below each name


@dataclass(frozen=True)
class FittedNames(Generic[Value]):
    """What was given under the model's names.

    Attributes:
        arrays: by the model's name, in the order in which they came; what fits none keeps its own.
        left_over: the names that the model does not have.
        notes: what was taken off the names, or put before them.
    """

    arrays: dict[str, Value]
    left_over: tuple[str, ...]
    notes: tuple[str, ...]


def fitted_names(given: Mapping[str, Value], known: Collection[str]) -> FittedNames[Value]:
    """What is ``given`` by name, under the names that are ``known`` to the model.

    A wrapper's part of a name is taken off, on whichever side it is. Where no name is known then, so is the first part
    below which the model's names are (``model.`` of a trainer's module, ``params`` twice in a training state), or a
    collection that is missing before all of them is put there.
    """
    notes: list[str] = []
    names = _unwrapped(given, set(known), notes)
    if not any(name in known for name in names.values()):
        names = _with_prefix(names, set(known), notes)
    arrays: dict[str, Value] = {}
    taken = {own for own, name in names.items() if own == name}
    for own, name in names.items():
        # Of two that fit one name the one that has it already is meant.
        arrays[own if name in taken and own != name else name] = given[own]
    return FittedNames(arrays, tuple(name for name in arrays if name not in known), tuple(notes))


def _unwrapped(given: Collection[str], known: set[str], notes: list[str]) -> dict[str, str]:
    bare = {_bare(name): name for name in known}
    names, seen = {}, dict[str, str]()
    for own in given:
        name = own if own in known else bare.get(_bare(own), own)
        names[own] = name
        if name != own:
            where = ("taken off", own) if len(own) > len(name) else ("put into", name)
            seen |= {part: where[0] for part in _parts(where[1]) if part in WRAPPERS}
    notes += [f"{part}. was {done} the names ({WRAPPERS[part]} adds it)" for part, done in seen.items()]
    return names


def _with_prefix(names: dict[str, str], known: set[str], notes: list[str]) -> dict[str, str]:
    if names and all(own.endswith(VARIABLE) for own in names):
        shorter = {own: own.removesuffix(VARIABLE) for own in names}
        notes.append(f"{VARIABLE} was taken off the names, which are those of NNX variables")
        return shorter if any(name in known for name in shorter.values()) else _in_collections(shorter, known, notes)
    for prefix in dict.fromkeys(_parts(own)[0] for own in names):
        under = [own for own in names if own[len(prefix) : len(prefix) + 1] in (".", "/") and own.startswith(prefix)]
        shorter = {own: own[len(prefix) + 1 :] for own in under}
        if any(name in known for name in shorter.values()):
            notes.append(f"{under[0][: len(prefix) + 1]} was taken off the names, as the model has none of it")
            return names | shorter
    return _in_collections(names, known, notes)


def _in_collections(names: dict[str, str], known: set[str], notes: list[str]) -> dict[str, str]:
    """The names of leaves with the collection before them that they are in, where they have none."""
    by_rest: dict[str, list[str]] = {}
    for name in known:
        by_rest.setdefault(name.partition("/")[2], []).append(name)
    found = {own: by_rest[name][0] for own, name in names.items() if len(by_rest.get(name, ())) == 1}
    if found:
        collections = ", ".join(sorted({name.partition("/")[0] for name in found.values()}))
        notes.append(f"the names are in no collection: {collections} was put before them")
    return names | found


def _parts(name: str) -> list[str]:
    return re.split(r"[./]", name)


def _bare(name: str) -> str:
    return ".".join(part for part in _parts(name) if part not in WRAPPERS)
