"""The names in a checkpoint, where training or a wrapper has added to them, as the model has them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from compare.arrays.arrays import PARAMS

Value = TypeVar("Value")

# What wraps a module adds a part to the names of all that is in it.
WRAPPERS = {
    "module": "DataParallel, DistributedDataParallel or AveragedModel",
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FullyShardedDataParallel",
    "_checkpoint_wrapped_module": "a checkpoint wrapper",
}


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

    A wrapper's part of a name is taken off, on whichever side it is; a first part that all names have in common and the
    model has not (``model.`` of a trainer's module, ``params`` twice), too; a collection that is missing before all of
    them is put there.
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
    first = {_parts(own)[0] for own in names}
    if len(first) == 1 and names:
        prefix = next(iter(first))
        shorter = {own: own[len(prefix) + 1 :] for own in names}
        if any(name in known for name in shorter.values()):
            mark = next(iter(names))[len(prefix) : len(prefix) + 1]
            notes.append(f"{prefix}{mark} was taken off the names, as the model has none of it")
            return shorter
    longer = {own: f"{PARAMS}/{own}" for own in names}
    if any(name in known for name in longer.values()):
        notes.append(f"{PARAMS}/ was put before the names: these are the variables of one collection")
        return longer
    return names


def _parts(name: str) -> list[str]:
    return re.split(r"[./]", name)


def _bare(name: str) -> str:
    return ".".join(part for part in _parts(name) if part not in WRAPPERS)
