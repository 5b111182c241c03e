"""An optax transformation as the torch optimizer that goes on as it would, as far as its closures can be read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import UsageError, shown
from compare.frameworks.optax_insides import Stage, UnreadError, stages_of
from compare.weights.injected import check_injected
from compare.weights.twin_layout import Layout, Tree, flat, named_parameters
from compare.weights.twin_recipes import BY_CLASS
from compare.weights.twin_state import Slots, State, read_state, restore
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
    with torch.no_grad():
        leaves = {path: np.array(leaf) for path, leaf in flat(params).items()}
        for name, array in layout.map.to_reference(leaves, layout.shapes, values=True).items():
            tensors[name].copy_(torch.from_numpy(np.array(array)))
    try:
        stages = stages_of(transformation, guards=True)
    except UnreadError as error:
        raise UsageError(f"no twin of it: {error}") from error
    told: dict[str, tuple[str, dict[str, Any], Any]] = {}
    for name in layout.shapes:
        acting = [stage for stage in stages if _acts(stage, layout, name)]
        told[name] = torch_words(acting)
    kinds = {kind for kind, _, _ in told.values() if kind}
    if len(kinds) != 1:
        raise UsageError(f"no twin: {' and '.join(sorted(kinds)) or 'nothing'} is no one optimizer of torch's")
    (kind,) = kinds
    optimizer, rates = _made(kind, told, tensors)
    if state is not None:
        kept = {name: optimizer.state[tensors[name]] for name in layout.shapes if told[name][0]}
        slots = Slots(BY_CLASS[kind], layout, {name: tensors[name] for name in layout.shapes}, kept)
        slots.check([*kept])
        read = read_state(state, slots.recipe, layout)
        restore(read, slots, [*kept])
        return TorchTwin(optimizer, _scheduler(optimizer, rates, read.count or 0, read.plateau), tensors)
    return TorchTwin(optimizer, _scheduler(optimizer, rates, 0, None), tensors)


def _tensors(params: Tree, model: Any) -> "dict[str, torch.Tensor]":
    import torch

    if model is not None:
        nothing = torch.optim.SGD([torch.zeros(1)], lr=0.0)
        return named_parameters(nothing, model) if isinstance(model, Mapping) else dict(model.named_parameters())
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
    return Layout.of(tensors, params, WeightMap([_entry(name, path) for name, path in paths.items()]))


def _entry(name: str, path: str) -> Any:
    from compare.weights.entry import Entry

    return Entry(name, path)


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


def _made(
    kind: str, told: Mapping[str, tuple[str, dict[str, Any], Any]], tensors: "Mapping[str, torch.Tensor]"
) -> tuple[Any, list[Any]]:
    """The optimizer, one group for each set of settings, and the rate of each group."""
    import torch

    groups: list[dict[str, Any]] = []
    keys: list[Any] = []
    rates: list[Any] = []
    for name, (own, settings, rate) in told.items():
        if not own:
            continue
        key = (settings, rate if not callable(rate) else id(getattr(rate, "__code__", rate)))
        if key in keys:
            groups[keys.index(key)]["params"].append(tensors[name])
            continue
        number = rate if isinstance(rate, float) else 1.0
        keys.append(key)
        rates.append(rate)
        groups.append({"params": [tensors[name]], "lr": number, **_tupled(settings)})
    if kind == "LBFGS":
        (group,) = groups
        return torch.optim.LBFGS(group.pop("params"), **group), rates
    first = "initial_accumulator_value"  # which torch takes for all groups
    shared = {first: groups[0][first]} if first in groups[0] else {}
    return getattr(torch.optim, kind)(groups, **shared), rates


def _tupled(settings: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in settings.items():
        name, bracket, _ = key.partition("[")
        made[name] = (*made.get(name, ()), value) if bracket else value
    return made


def _scheduler(optimizer: Any, rates: Sequence[Any], count: int, plateau: Mapping[str, float] | None) -> Any:
    import inspect

    import torch

    if all(isinstance(rate, float) for rate in rates):
        return None
    if hasattr(rates[0], "update"):
        names = list(inspect.signature(torch.optim.lr_scheduler.ReduceLROnPlateau).parameters)
        told = {name: getattr(rates[0], name) for name in names if hasattr(rates[0], name)}
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = (plateau or {}).get("learning_rate", rate.learning_rate)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **told)
        if plateau:
            scheduler.best = plateau["best"]
            scheduler.num_bad_epochs = int(plateau["num_bad_epochs"])
            scheduler.cooldown_counter = int(plateau["cooldown_counter"])
        return scheduler
    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0 if not isinstance(rates[0], float) else group["lr"]
    factors: list[Callable[[int], float]] = [_factor(rate) for rate in rates]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["initial_lr"] = rate if isinstance(rate, float) else 1.0
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factors, last_epoch=count - 1)


def _factor(rate: Any) -> Callable[[int], float]:
    if isinstance(rate, float):
        return lambda _: 1.0

    def factor(step: int) -> float:
        import jax

        with jax.enable_x64(True):
            return float(rate(step))

    return factor
