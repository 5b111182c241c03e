"""Nested Flax variables as flat names, and back: {"params": {"Dense_0": {"kernel": ...}}} is params/Dense_0/kernel."""

from collections.abc import Iterator, Mapping

import numpy as np

from compare.checkpoints.checkpoint import UnsoundError, joined, plain

Tree = dict[str, "Tree | np.ndarray"]
LEFT_OUT = "left out, being no arrays"


def flatten(tree: object) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The leaves of nested dictionaries, lists and tuples by path, and a note that names what is no number.

    A list's entries are named by their place, as ``flax.serialization.to_state_dict`` names them; whole numbers as keys
    (layers in lists) become their digits. Python numbers become arrays without axes.

    Raises:
        UnsoundError: a key is empty or holds a slash, two leaves get one name, or an array has no dtype of weights.
    """
    arrays: dict[str, np.ndarray] = {}
    others: list[str] = []
    try:
        leaves = list(_leaves(tree, ()))
    except RecursionError as error:
        raise UnsoundError("its dictionaries lie too deep in each other") from error
    for name, leaf in leaves:
        if name in arrays or name in others:
            raise UnsoundError(f"two entries have the name {name!r}")
        if isinstance(leaf, np.ndarray | np.generic | bool | int | float | complex):
            arrays[name] = plain(name, leaf)
        else:
            others.append(name)
    return arrays, {LEFT_OUT: joined(others)} if others else {}


def nest(arrays: Mapping[str, np.ndarray]) -> "Tree":
    """Fresh nested dictionaries, in the order of ``arrays``; the inverse of ``flatten``.

    Raises:
        UnsoundError: a name has an empty part, or is a leaf and a folder of leaves at once.
    """
    tree: Tree = {}
    for name, array in arrays.items():
        *folders, leaf = name.split("/")
        if not all((*folders, leaf)):
            raise UnsoundError(f"the name {name!r} has an empty part between its slashes")
        node = tree
        for folder in folders:
            inner = node.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise UnsoundError(f"the name {name!r} lies inside another array's name")
            node = inner
        if leaf in node:
            raise UnsoundError(f"the name {name!r} is an array and holds others at once")
        node[leaf] = array
    return tree


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    if isinstance(node, list | tuple):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        if not path:
            raise UnsoundError(f"holds one {type(node).__name__}, not a dictionary of variables")
        yield "/".join(path), node
        return
    for key, child in node.items():
        yield from _leaves(child, (*path, _part(key)))


def _part(key: object) -> str:
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    if not isinstance(key, str):
        raise UnsoundError(f"the key {key!r:.80} is no text")
    if not key or "/" in key:
        raise UnsoundError(f"the key {key!r:.80} is empty or holds a slash, which parts the names of leaves")
    return key
