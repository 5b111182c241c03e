"""A live torch optimizer as the optax transformation that goes on as it would, with its state; and its state back."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.arrays import from_torch
from compare.errors import UsageError, shown
from compare.frameworks.torch_schedulers import PLATEAU, resume_plateau
from compare.weights.live_scheduler import advance, check_reach, parts_of
from compare.weights.moved_alike import FROZEN, group_of, groups_by_label, label_of_leaves, notes_on
from compare.weights.twin_layout import Layout, Tree, flat, named_parameters
from compare.weights.twin_recipes import Recipe, check_exact, recipe_of
from compare.weights.twin_schedules import Scheduled, argument_of, schedules_of
from compare.weights.twin_state import Slots, State, order_of, read_state, restore
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    import optax
    import torch

UNFOLLOWED = (
    "Rprop looks at its learning rate in its first step alone: the scheduler is not followed, and stays where it stands"
)


@dataclass(frozen=True)
class OptaxTwin:
    """An optax transformation that goes on where a torch optimizer stands.

    Attributes:
        transformation: ``update(grads, state, params)``, in the layout of ``params``.
        state: its state, with the torch optimizer's moments and counts.
        params: the parameters as torch holds them now.
        parameters: which of torch's parameters is which leaf of ``params``.
        notes: what is to be known of it, such as a schedule that is a table.
    """

    transformation: "optax.GradientTransformationExtraArgs"
    state: State
    params: Tree
    parameters: Mapping[str, str]
    notes: tuple[str, ...]
    _optimizer: "torch.optim.Optimizer" = field(repr=False)
    _scheduler: Any = field(repr=False)
    _slots: Slots = field(repr=False)
    _labels: Mapping[str, tuple[str, ...]] = field(repr=False)
    _scheduled: Scheduled = field(repr=False)
    _every: int = field(repr=False)

    def to_torch(self, params: Tree, state: State) -> None:
        """Let the torch optimizer (and its scheduler) go on where the port stands: parameters, moments, counts.

        Where the scheduler ends before it gets there, that is refused before anything is changed.

        Args:
            params: the parameters, as this twin's transformation left them.
            state: its state then.

        Raises:
            UsageError: they are not of this twin's structure, or the scheduler is past their step; nothing is changed.
        """
        import jax
        import torch

        both = {"params": (params, self.params), "state": (state, self.state)}
        for name, (given, made) in both.items():
            if str(jax.tree.structure(given)) != str(jax.tree.structure(made)):
                raise UsageError(f"to_torch: {name}: expected the structure of the twin's, got another")
        layout = self._slots.layout
        whole = [*self._slots.order[:1]] if self._slots.recipe.name == "lbfgs" else []
        own = [name for name, one in self._slots.tensors.items() if one.requires_grad or name in whole]
        slots = replace(self._slots, state={name: self._optimizer.state[self._slots.tensors[name]] for name in own})
        moved = layout.map.to_reference(
            {path: np.array(leaf) for path, leaf in flat(params).items()}, layout.shapes, values=True
        )
        moving = {label: names for label, names in self._labels.items() if label != FROZEN}
        reads = {label: read_state(_of_label(state, label), self._slots.recipe, layout) for label in moving}
        self._schedule_back([*reads.values()])  # which may refuse, before anything is written
        with torch.no_grad():
            for name, array in moved.items():
                self._slots.tensors[name].copy_(torch.from_numpy(np.array(array)))
        for label, names in moving.items():
            restore(reads[label], slots, names)

    def _schedule_back(self, reads: list[Any]) -> None:
        if self._scheduled.plateau:
            groups = [read.plateau for read in reads if read.plateau]
            if not groups:  # nothing that moves looks at its rate
                return
            rates = self._rates(reads)
            for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
            resume_plateau(parts_of(self._scheduler)[0], groups[0], rates)
            return
        count = max((read.count for read in reads if read.count is not None), default=None)
        if self._scheduler is not None and count is not None:
            check_reach(self._scheduler, self._optimizer, count // self._every)
            advance(self._scheduler, count // self._every)

    def _rates(self, reads: list[Any]) -> list[float]:
        """The learning rate of each group: that of any of its labels."""
        labels = [label for label in self._labels if label != FROZEN]
        by_group = {group_of(label): read.plateau["learning_rate"] for label, read in zip(labels, reads, strict=True)}
        return [by_group.get(place, float(group["lr"])) for place, group in enumerate(self._optimizer.param_groups)]


def optax_twin(
    torch_optimizer: "torch.optim.Optimizer",
    scheduler: Any = None,
    *,
    model: Any = None,
    params: Tree = None,
    weight_map: WeightMap | None = None,
    every: int = 1,
    since: int | None = None,
) -> OptaxTwin:
    """The optax transformation that computes what a live torch optimizer computes, from where it stands.

    Its settings are read from the optimizer's parameter groups, one transformation for each; its moments and counts go
    through the weight map into the state. A schedule is read from the scheduler's class where that has a twin, and else
    tabulated by running a copy of it ahead; either way the scheduler itself is not stepped.

    Args:
        torch_optimizer: one of ``torch.optim``.
        scheduler: its scheduler, if it has one; several that are stepped in turn as a list.
        model: the module, or its tensors by name, whose names the weight map uses; without it names are those that the
            optimizer was given, or numbers.
        params: the port's parameters; without them the port's are a dictionary by torch's names, in torch's layout.
        weight_map: which parameter is which leaf of ``params``; not needed where names or values say it.
        every: how many optimizer steps are made between two of the scheduler's: one epoch's, usually.
        since: how many of them were made since the scheduler's last; without it the optimizer's own count of steps says
            it, and where it keeps none (SGD) the scheduler is taken to have just been stepped, and a note says so.

    Returns:
        The transformation, its state, and the parameters. In float64 it has to be run under ``jax.enable_x64(True)``.

    Raises:
        UsageError: there is no twin, and why; or the parameters do not fit each other.
    """
    import torch

    if not isinstance(torch_optimizer, torch.optim.Optimizer):
        raise UsageError(f"optax_twin: expected a torch.optim.Optimizer, got {shown(torch_optimizer)}")
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise UsageError(f"every: expected a number of steps from 1 on, got {shown(every)}")
    if since is not None and (not isinstance(since, int) or not 0 <= since < every):
        raise UsageError(f"since: expected a number of steps from 0 to every - 1 = {every - 1}, got {shown(since)}")
    recipe = recipe_of(torch_optimizer)
    check_exact(recipe, torch_optimizer.param_groups)
    scheduled = schedules_of(torch_optimizer, scheduler, every, since)
    tensors = named_parameters(torch_optimizer, model)
    if odd := [name for name, tensor in tensors.items() if not tensor.is_floating_point()]:
        raise UsageError(f"no twin on {odd[0]}: optax takes the modulus where torch takes real and imaginary parts")
    layout = Layout.of(tensors, params, weight_map)
    used = {name: tensor for name, tensor in tensors.items() if name in layout.shapes}
    kept = {name: torch_optimizer.state.get(one, {}) for name, one in used.items()}
    slots = Slots(recipe, layout, used, kept, order_of(torch_optimizer, used))
    slots.check(torch_optimizer.param_groups)
    labels = groups_by_label(torch_optimizer, slots)
    by_leaf = label_of_leaves(layout, labels)
    with _x64(used):
        import jax
        import jax.numpy as jnp
        import optax

        arrays = layout.map.to_port({name: from_torch(tensor) for name, tensor in used.items()}, layout.leaves)
        dtypes = {path: _dtype(used[owners[0]]) for path, owners in layout.owners.items()}
        tree = _tree({path: jnp.array(array, dtypes[path]) for path, array in arrays.items()}, layout)
        rules = {
            label: _rule(recipe, torch_optimizer, group_of(label), scheduled, slots, names)
            for label, names in labels.items()
        }
        if len(rules) == 1 and FROZEN not in rules:
            ((label, names),) = labels.items()
            transformation = optax.with_extra_args_support(rules[label])
            state = _filled(transformation.init(tree), slots, names, scheduled, scheduler)
        else:
            transformation = optax.partition(rules, _tree(by_leaf, layout))
            made = transformation.init(tree)
            inner = {
                label: _filled(one, slots, labels[label], scheduled, scheduler) if label != FROZEN else one
                for label, one in made.inner_states.items()
            }
            state = made._replace(inner_states=inner)
        state = jax.tree.map(jnp.asarray, state)
    return OptaxTwin(
        transformation,
        state,
        tree,
        {name: ", ".join(paths) for name, paths in layout.parameters.items()},
        ((UNFOLLOWED,) if scheduler is not None and recipe.name == "rprop" else scheduled.notes)
        + notes_on(slots, labels),
        torch_optimizer,
        scheduler,
        slots,
        labels,
        scheduled,
        every,
    )


def _rule(
    recipe: Recipe,
    optimizer: "torch.optim.Optimizer",
    place: int,
    scheduled: Scheduled,
    slots: Slots,
    names: tuple[str, ...],
) -> "optax.GradientTransformation":
    import optax
    import torch

    if place < 0:
        return optax.set_to_zero()
    told = recipe.arguments(optimizer.param_groups[place])
    changing = {argument_of(key): one for key, one in scheduled.groups[place].items()}
    if recipe.name == "rprop":
        changing.pop("learning_rate", None)  # the first step size, and nothing else
    if strange := [name for name in changing if name not in told]:
        raise UsageError(f"no twin of the scheduler: it changes {strange[0]}, which {recipe.torch} does not have")
    if fixed := [name for name in changing if recipe.is_fixed(name)]:
        raise UsageError(
            f"no twin of the scheduler: it changes {fixed[0]}, and what a transformation computes is settled when it "
            f"is made: make the twin anew at each change"
        )
    if recipe.name in ("nadam", "asgd"):
        scalar = next(
            (slots.state[names[0]][slot] for slot in ("mu_product", "eta") if slot in slots.state[names[0]]), None
        )
        wide = scalar.dtype if scalar is not None else torch.get_default_dtype()
        told["scalar_dtype"] = np.float64 if wide is torch.float64 else np.float32
    return recipe.function(**{**told, **changing})


def _filled(state: State, slots: Slots, names: tuple[str, ...], scheduled: Scheduled, scheduler: Any) -> State:
    plateau = {name: getattr(parts_of(scheduler)[0], name) for name in PLATEAU} if scheduled.plateau else {}
    return slots.into(state, names, scheduled.count, plateau)


def _of_label(state: State, label: str) -> State:
    return state.inner_states[label] if hasattr(state, "inner_states") else state


def _tree(leaves: Mapping[str, Any], layout: Layout) -> Tree:
    """Leaves by path in the structure of the port's parameters."""
    import jax

    paths = [*flat(layout.tree)]
    return jax.tree.unflatten(jax.tree.structure(layout.tree), [leaves[path] for path in paths])


def _dtype(tensor: "torch.Tensor") -> Any:
    import jax.numpy as jnp

    return jnp.dtype(str(tensor.dtype).removeprefix("torch."))


def _x64(tensors: "Mapping[str, torch.Tensor]") -> AbstractContextManager[Any]:
    import jax
    import torch

    wide = any(tensor.dtype is torch.float64 for tensor in tensors.values())
    return jax.enable_x64(True) if wide else nullcontext()
