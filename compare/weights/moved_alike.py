"""Which parameters of a torch optimizer are moved alike, and so share one transformation of ``optax.partition``: its
groups, parted where some have seen fewer steps; and what stays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compare.errors import UsageError
from compare.weights.twin_layout import Layout
from compare.weights.twin_state import Slots

if TYPE_CHECKING:
    import torch

FROZEN = "frozen"  # the label of what the optimizer does not move


def groups_by_label(optimizer: "torch.optim.Optimizer", slots: Slots) -> dict[str, tuple[str, ...]]:
    """The parameters' names by label: those of one group that have seen as many steps; and those that stay."""
    name_of = {id(tensor): name for name, tensor in slots.tensors.items()}
    made: dict[str, tuple[str, ...]] = {}
    for place, group in enumerate(optimizer.param_groups):
        by_steps: dict[tuple[float | None, ...], list[str]] = {}
        whole = slots.recipe.name == "lbfgs"
        for tensor in group["params"]:
            name = name_of.get(id(tensor))
            if name is None:
                raise UsageError("params: a parameter of the optimizer is no leaf of them")
            if tensor.requires_grad:
                state = slots.state[name]
                numbers = (_number(state.get(slot)) for slot in ("step", "mu_product", "eta", "mu"))
                key = () if whole else (*numbers, float("momentum_buffer" in state))
                by_steps.setdefault(key, []).append(name)
        for part, names in enumerate(by_steps.values()):
            made[f"group{place}" if len(by_steps) == 1 else f"group{place}.{part}"] = tuple(names)
    moving = {name for names in made.values() for name in names}
    if still := tuple(name for name in slots.tensors if name not in moving):
        made[FROZEN] = still
    return made


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def group_of(label: str) -> int:
    """The place of the parameter group that a label is of; -1 of what stays."""
    return -1 if label == FROZEN else int(label.removeprefix("group").split(".")[0])


def notes_on(slots: Slots, labels: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What is to be known of parameters that one side moves and the other may not."""
    return (*_idle(slots, labels), *_stale(slots, labels))


def _idle(slots: Slots, labels: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A note on parameters that no gradient has reached, where others of their group have begun: torch leaves them as
    they are. L-BFGS keeps one state for all."""
    if slots.recipe.name == "lbfgs":
        return ()
    by_group: dict[int, list[str]] = {}
    for label, names in labels.items():
        if label != FROZEN:
            by_group.setdefault(group_of(label), []).extend(names)
    for together in by_group.values():
        idle = [name for name in together if not slots.state[name] and slots.tensors[name].grad is None]
        if idle and len(idle) < len(together):
            return (
                f"{idle[0]} has had no gradient so far: torch leaves such a parameter alone, and a gradient of zeros, "
                f"as JAX has it, may move it (a weight decay): freeze it with requires_grad_(False) if it is to stay",
            )
    return ()


def _stale(slots: Slots, labels: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A note on a frozen parameter of the optimizer that has a gradient still: torch looks at that alone."""
    stale = [name for name in labels.get(FROZEN, ()) if name in slots.order and slots.tensors[name].grad is not None]
    if not stale:
        return ()
    return (f"{stale[0]} is frozen and stays here; torch moves it until zero_grad() takes its gradient away",)


def label_of_leaves(layout: Layout, labels: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The label of each leaf.

    Raises:
        UsageError: a leaf that holds parameters of two labels.
    """
    label_of = {name: label for label, names in labels.items() for name in names}
    for path, owners in layout.owners.items():
        if len({label_of[owner] for owner in owners}) > 1:
            raise UsageError(f"no twin: {path} holds {' and '.join(owners)}, which the optimizer treats differently")
    return {path: label_of[owners[0]] for path, owners in layout.owners.items()}
