"""An optax transformation as the torch optimizer that goes on as it would, as far as its closures can be read."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import UsageError, shown
from compare.frameworks.optax_insides import Stage, UnreadError, stages_of
from compare.weights.entry import Entry
from compare.weights.injected import check_injected
from compare.weights.torch_scheduler import at_steps, torch_scheduler
from compare.weights.twin_labels import labels_of, of_labels
from compare.weights.twin_layout import Layout, Tree, flat, tensors_of
from compare.weights.twin_recipes import BY_CLASS
from compare.weights.twin_state import Read, Slots, State, read_state, restore
from compare.weights.twin_words import torch_words
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TorchTwin:
    """A torch optimizer that goes on where an optax transformation stands.

    Attributes:
        optimizer: with the state, if one was given.
        scheduler: to be stepped after it; None where the learning rate is a number.
        parameters: what it trains, by name.
    """

    optimizer: "torch.optim.Optimizer"
    scheduler: Any
    parameters: "Mapping[str, torch.Tensor]"


def torch_twin(
    transformation: Any,
    params: Tree,
    state: State = None,
    *,
    model: Any = None,
    weight_map: WeightMap | None = None,
) -> TorchTwin:
    """The torch optimizer that computes what an optax transformation computes, from where it stands.

    optax keeps no settings: they are read from the closures of its functions. That is known for the recipes of
    ``jaxport.optimizers`` and for those of optax's own rules that torch has.

    Args:
        transformation: made by a recipe of ours, or a chain of optax's parts.
        params: the port's parameters.
        state: the transformation's, to go on from; without it from the first step.
        model: the module that is trained, or its tensors by name: it is given the values of ``params``. Without it new
            parameters are made, by the leaves' paths.
        weight_map: which of the model's parameters is which leaf.

    Returns:
        The optimizer, its scheduler where the learning rate is a schedule, and the parameters.

    Raises:
        UsageError: torch has no such optimizer, and why; or the transformation cannot be read.
    """
    import torch

    if not hasattr(transformation, "init") or not hasattr(transformation, "update"):
        raise UsageError(f"no twin of it: expected an optax transformation, got {shown(transformation)}")
    if state is not None:
        check_injected(transformation, params, state)
    tensors = _tensors(params, model)
    layout = Layout.of(tensors, params, weight_map) if weight_map else _by_path(tensors, params)
    try:
        stages = stages_of(transformation, guards=True)
    except UnreadError as error:
        raise UsageError(f"no twin of it: {error}") from error
    kind, groups = _groups(stages, layout)
    parts = [part for group in groups for part in group.parts] if state is not None else []
    reads = {part: read_state(of_labels(state, part), BY_CLASS[kind], layout) for part in parts}
    count = _count(reads.values())
    optimizer = _made(kind, groups, tensors, count)
    own = {name: tensors[name] for name in layout.shapes}
    kept = {name: optimizer.state[tensors[name]] for group in groups for name in group.names}
    slots = Slots(BY_CLASS[kind], layout, own, kept, [name for group in groups for name in group.names])
    slots.check(optimizer.param_groups)
    memories = [read.plateau if (read := reads.get(next(iter(group.parts)))) else None for group in groups]
    changing = [group.changing for group in groups]
    scheduler = torch_scheduler(optimizer, [group.rate for group in groups], count, memories, changing)
    with torch.no_grad():  # nothing is refused from here on
        leaves = {path: np.array(leaf) for path, leaf in flat(params).items()}
        for name, array in layout.map.to_reference(leaves, layout.shapes, values=True).items():
            tensors[name].copy_(torch.from_numpy(np.array(array)))
    for part, read in reads.items():
        restore(read, slots, [name for group in groups for name in group.parts.get(part, ())])
    return TorchTwin(optimizer, scheduler, tensors)


@dataclass
class _Group:
    """Parameters that torch treats alike.

    Attributes:
        rate: a number, a function of the step, or a schedule that follows a value.
        parts: their names, by the labels under which optax keeps their state.
    """

    settings: dict[str, Any]
    rate: Any
    parts: dict[frozenset[Hashable], list[str]]

    @property
    def changing(self) -> dict[str, Any]:
        """The settings that are functions of the step."""
        return {key: value for key, value in self.settings.items() if callable(value)}

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [name for names in self.parts.values() for name in names]

    def takes(self, settings: Mapping[str, Any], rate: Any, part: frozenset[Hashable]) -> bool:
        """Whether a parameter of these is one of the group; of schedules only where they are one object, and of one
        that remembers values only where its memory is one."""
        if isinstance(rate, float) != isinstance(self.rate, float) or self.settings != settings:
            return False
        if hasattr(rate, "update"):
            return rate is self.rate and part in self.parts
        return bool(rate == self.rate)


def _groups(stages: Sequence[Stage], layout: Layout) -> tuple[str, list[_Group]]:
    """The class of the optimizer, and its groups.

    Raises:
        UsageError: torch has no such optimizer.
    """
    groups: list[_Group] = []
    kinds = set[str]()
    for name in layout.shapes:
        acting = [stage for stage in stages if _acts(stage, layout, name)]
        (kind, settings, rate), part = torch_words(acting), labels_of(acting)
        if not kind:
            continue
        kinds.add(kind)
        group = next((one for one in groups if one.takes(settings, rate, part)), None)
        if group is None:
            groups.append(group := _Group(settings, rate, {}))
        group.parts.setdefault(part, []).append(name)
    if len(kinds) != 1:
        raise UsageError(f"no twin: {' and '.join(sorted(kinds)) or 'nothing'} is no one optimizer of torch's")
    return kinds.pop(), groups


def _count(reads: Iterable[Read]) -> int:
    """The step at which schedules stand.

    Raises:
        UsageError: they stand at several, and one scheduler of torch's counts for all groups.
    """
    counts = {read.count for read in reads if read.count is not None}
    if len(counts) > 1:
        raise UsageError(f"no twin: schedules that stand at steps {min(counts)} and {max(counts)}: torch has one count")
    return counts.pop() if counts else 0


def _tensors(params: Tree, model: Any) -> "dict[str, torch.Tensor]":
    import torch

    if model is not None:
        return tensors_of(model)
    made: dict[str, torch.Tensor] = {}
    for path, leaf in flat(params).items():
        name = path.removeprefix("params/")
        dtype = getattr(torch, str(np.asarray(leaf).dtype))
        made[name] = torch.nn.Parameter(torch.zeros(tuple(np.shape(leaf)), dtype=dtype))
    return made


def _by_path(tensors: "Mapping[str, torch.Tensor]", params: Tree) -> Layout:
    paths = {path.removeprefix("params/"): path for path in flat(params)}
    if set(paths) != set(tensors):
        raise UsageError("torch_twin: the model's parameters are not named like the leaves: give the weight_map=")
    return Layout.of(tensors, params, WeightMap([Entry(name, path) for name, path in paths.items()]))


def _acts(stage: Stage, layout: Layout, name: str) -> bool:
    """Whether a stage is applied to a parameter.

    Raises:
        UsageError: a mask that parts it.
    """
    import jax

    acts = True
    for mask in stage.masks:
        marked = mask(layout.tree) if callable(mask) else mask
        whole = jax.tree.map(
            lambda flag, below: jax.tree.map(lambda _, flag=flag: bool(flag), below), marked, layout.tree
        )
        flags = {flat(whole)[path] for path in layout.parameters[name]}
        if len(flags) > 1:
            raise UsageError(f"no twin: a mask lies inside {name}")
        acts = acts and flags.pop()
    return acts


def _made(kind: str, groups: Sequence[_Group], tensors: "Mapping[str, torch.Tensor]", count: int) -> Any:
    """The optimizer; what follows a function of the step with its value at ``count``."""
    import torch

    told: list[dict[str, Any]] = [
        {
            "params": [tensors[name] for name in group.names],
            "lr": group.rate if isinstance(group.rate, float) else 1.0,
            **_tupled({**group.settings, **{key: at_steps(one)(count) for key, one in group.changing.items()}}),
        }
        for group in groups
    ]
    if kind == "LBFGS":
        (one,) = told
        return torch.optim.LBFGS(one.pop("params"), **one)
    first = "initial_accumulator_value"  # which torch takes for all groups
    shared = {first: told[0][first]} if first in told[0] else {}
    return getattr(torch.optim, kind)(told, **shared)


def _tupled(settings: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in settings.items():
        name, bracket, _ = key.partition("[")
        made[name] = (*made.get(name, ()), value) if bracket else value
    return made
