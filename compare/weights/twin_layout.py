"""Which tensor of a torch optimizer is which leaf of the port's parameters, and how arrays go either way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.arrays import PARAMS, Arrays, Shapes, from_torch
from compare.arrays.views import transposed
from compare.errors import UsageError, shown
from compare.weights.entry import Entry, same
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    import torch

Tree = Any  # a tree of arrays


def named_parameters(optimizer: "torch.optim.Optimizer", model: Any) -> "dict[str, torch.Tensor]":
    """Every parameter of the optimizer, and of the model where it is given, by name.

    Names are the model's; else those that the optimizer was given; else numbers, as in its ``state_dict``.

    Raises:
        UsageError: ``model`` is neither a module nor tensors by name, or lacks a parameter of the optimizer.
    """
    own = [one for group in optimizer.param_groups for one in group["params"]]
    if model is not None:
        named = tensors_of(model)
        known = {id(tensor) for tensor in named.values()}
        if lacking := sum(id(one) not in known for one in own):
            raise UsageError(f"model: {lacking} of the optimizer's {len(own)} parameters are not among the model's")
        return named
    names = [name for group in optimizer.param_groups for name in group.get("param_names") or ()]
    return dict(zip(names if len(names) == len(own) else map(str, range(len(own))), own, strict=True))


def tensors_of(model: Any) -> "dict[str, torch.Tensor]":
    """The parameters of a module, or tensors by name as they are.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(model, Mapping) and not hasattr(model, "named_parameters"):
        raise UsageError(f"model: expected an nn.Module or its tensors by name, got {shown(model)}")
    return dict(model if isinstance(model, Mapping) else model.named_parameters())


@dataclass(frozen=True)
class Layout:
    """A weight map between a reference's parameters and the leaves of one tree.

    Attributes:
        map: only its lines whose leaf is in the tree.
        tree: the port's parameters, or anything of their structure and shapes.
        shapes: the reference's, by name.
    """

    map: WeightMap
    tree: Tree
    shapes: Shapes

    @classmethod
    def of(cls, tensors: "Mapping[str, torch.Tensor]", params: Tree, weight_map: WeightMap | None) -> "Layout":
        """The layout of ``params``: by the map; else by names, or by values, in the tree's order where that does.

        Raises:
            UsageError: they do not fit each other.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if params is None and weight_map is not None:
            raise UsageError("weight_map: it leads into the port's parameters: give them too, as params=")
        given = params is not None
        if not given:
            params = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
        leaves = {path: tuple(np.shape(leaf)) for path, leaf in flat(params).items()}
        lines = cls._lines(tensors, params, weight_map, given)
        if any(entry.summed for entry in lines):
            raise UsageError(
                "no twin of a sum: a leaf that holds two of the reference's arrays added moves half as far"
            )
        made = cls(WeightMap(lines), params, {name: shapes[name] for name in dict.fromkeys(e.reference for e in lines)})
        made.map.check(made.shapes, leaves)
        return made

    @staticmethod
    def _lines(
        tensors: "Mapping[str, torch.Tensor]", params: Tree, weight_map: WeightMap | None, given: bool
    ) -> list[Entry]:
        paths = flat(params)
        if weight_map is not None:
            lines = [entry for entry in weight_map.entries if entry.port in paths]
            if lacking := [entry.reference for entry in lines if entry.reference not in tensors]:
                raise UsageError(f"weight_map: {lacking[0]} is no parameter here: give the module, as model=")
            return lines
        numbered = all(name.isdigit() for name in tensors)  # which name nothing
        if set(paths) == {f"{PARAMS}/{name}" for name in tensors} and not (numbered and given):
            return same(*tensors)
        if len(paths) != len(tensors):
            raise UsageError(f"params: {len(paths)} leaves for {len(tensors)} parameters: give the pair's weight_map=")
        leaves = {path: np.asarray(leaf) for path, leaf in paths.items()}
        arrays = {name: from_torch(tensor.detach()) for name, tensor in tensors.items()}
        if all(_alike(leaf, array) for leaf, array in zip(leaves.values(), arrays.values(), strict=True)):
            return [Entry(name, path) for name, path in zip(tensors, paths, strict=True)]
        return _by_values(arrays, leaves, numbered)

    @cached_property
    def leaves(self) -> Shapes:
        """The port's shapes, by path."""
        return {path: tuple(np.shape(leaf)) for path, leaf in flat(self.tree).items()}

    @cached_property
    def owners(self) -> Mapping[str, tuple[str, ...]]:
        """The reference's names behind each leaf, by path."""
        paths = dict.fromkeys(entry.port for entry in self.map.entries)
        return {path: tuple(e.reference for e in self.map.entries if e.port == path) for path in paths}

    def leaves_of(self, names: Iterable[str]) -> list[str]:
        """The paths of the leaves that hold these of the reference's parameters, in the tree's order."""
        known = set(names)
        return [path for path in self.leaves if known.intersection(self.owners.get(path, ()))]

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """The leaves that each of the reference's parameters is in, by its name."""
        return {name: tuple(e.port for e in self.map.entries if e.reference == name) for name in self.shapes}

    def to_port(self, arrays: Arrays) -> Arrays:
        """Gradients or moments by the reference's names, zeros where one is missing, as leaves by path."""
        first = next(iter(arrays.values()))
        whole = {name: arrays.get(name, np.zeros(shape, first.dtype)) for name, shape in self.shapes.items()}
        return self.map.to_port(whole, self.leaves, values=False)

    def to_reference(self, leaves: Arrays) -> Arrays:
        """Gradients or moments by path as arrays by the reference's names."""
        return self.map.to_reference(dict(leaves), self.shapes)

    def transposes(self, name: str) -> bool | None:
        """Whether a matrix lies the other way round on the port's side; None where it is no whole leaf there."""
        lines = [entry for entry in self.map.entries if entry.reference == name]
        if len(lines) != 1 or len(self.owners[lines[0].port]) != 1:
            return None
        steps = (*lines[0].reference_view.steps, *lines[0].port_view.steps)
        if not steps:
            return False
        return True if steps == (("transpose", (1, 0)),) else None


def _by_values(arrays: Arrays, leaves: Arrays, numbered: bool) -> list[Entry]:
    """Each parameter's leaf: that of its name, unless names are numbers, else the one that holds its values, a matrix
    either way round.

    Raises:
        UsageError: no leaf holds them, or more than one, or one does both ways round.
    """
    made, open_paths, later = dict[str, Entry](), {*leaves}, list[str]()
    named = {} if numbered else {path.removeprefix(f"{PARAMS}/").replace("/", "."): path for path in leaves}
    for name in arrays:
        found = _holding(name, arrays[name], {path: leaves[path] for path in leaves if path == named.get(name)})
        if len(found) == 1:
            made[name] = found[0]
            open_paths.discard(found[0].port)
        else:
            later.append(name)
    for name in later:
        found = _holding(name, arrays[name], {path: leaf for path, leaf in leaves.items() if path in open_paths})
        if not found:
            path = list(leaves)[list(arrays).index(name)]
            raise UsageError(f"params: {path} does not hold the values of {name}: give the pair's weight_map=")
        if len(found) > 1:
            several = " and ".join(dict.fromkeys(entry.port for entry in found))
            way = " in more than one way" if len({entry.port for entry in found}) == 1 else ""
            raise UsageError(f"params: {several} may hold the values of {name}{way}: give the pair's weight_map=")
        made[name] = found[0]
    if double := len(made) - len({entry.port for entry in made.values()}):
        raise UsageError(
            f"params: {double} of the leaves hold the values of two parameters: give the pair's weight_map="
        )
    return [made[name] for name in arrays]


def _holding(name: str, array: np.ndarray, leaves: Arrays) -> list[Entry]:
    """The lines by which a leaf may hold an array: as it is, or a matrix the other way round."""
    found = [Entry(name, path) for path, leaf in leaves.items() if _alike(leaf, array)]
    turned = {path: leaf for path, leaf in leaves.items() if leaf.ndim == 2 and _alike(leaf.T, array)}
    return found + [Entry(name, path, transposed(1, 0)) for path in turned]


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def flat(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree by path, ``params/Dense_0/kernel``, as weight maps call them."""
    import jax

    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    paths = {path_of(path): leaf for path, leaf in leaves}
    return (
        paths
        if all(path.startswith(f"{PARAMS}/") for path in paths)
        else {f"{PARAMS}/{path}": leaf for path, leaf in paths.items()}
    )


def path_of(path: Any) -> str:
    """A path of JAX's as a text, its parts between slashes."""
    import jax

    return jax.tree_util.keystr(path, simple=True, separator="/")
