"""The state of a torch optimizer as the state of its optax twin, and back: slot by slot, through the weight map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.arrays import Arrays, from_torch
from compare.errors import UsageError
from compare.weights.twin_layout import Layout, Tree, path_of
from compare.weights.twin_recipes import SCALARS, Recipe

if TYPE_CHECKING:
    import torch

State = Any  # a state of optax's: named tuples in each other
VECTORS = ("d", "prev_flat_grad")  # of LBFGS, over all parameters
HISTORY = ("old_dirs", "old_stps")
BY_VALUE = ("adafactor", "asgd")  # recipes whose step depends on the parameter's value even without a decay
OTHER = {"row_var": "col_var", "col_var": "row_var"}  # of Adafactor, for a matrix that lies the other way round


@dataclass(frozen=True)
class Slots:
    """The running values of a torch optimizer, with what is needed to move them.

    Attributes:
        state: torch's, by the name of the parameter.
        order: the names in the optimizer's own order, what it does not move among them: LBFGS keeps all of them as one
            vector, and its state with the first.
    """

    recipe: Recipe
    layout: Layout
    tensors: "Mapping[str, torch.Tensor]"
    state: Mapping[str, dict[str, Any]]
    order: Sequence[str]

    def check(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Whether the parameters of torch's groups go the same way on the port's side.

        Raises:
            UsageError: an array that is factored in other axes there, or a rule that looks at a parameter's own value
                where the port's is another.
        """
        name_of = {id(tensor): name for name, tensor in self.tensors.items()}
        shifted = {entry.reference for entry in self.layout.map.entries if entry.offset}
        names = [name_of[id(one)] for group in groups for one in group["params"] if id(one) in name_of]
        decayed = {name_of.get(id(one)) for group in groups if group.get("weight_decay") for one in group["params"]}
        for name in names:
            if name in shifted and (name in decayed or self.recipe.name in BY_VALUE):
                what = "a weight decay" if name in decayed else self.recipe.torch
                raise UsageError(
                    f"no twin of {what} on {name}: what it does depends on the parameter's own value, and the port's "
                    f"differs from it by a constant (an offset in the weight map)"
                )
        if self.recipe.name != "adafactor":
            return
        for name in names:
            if self.tensors[name].requires_grad and not self.tensors[name].numel():
                raise UsageError(
                    f"no twin of Adafactor on {name}: it has no entries, and torch divides by their number"
                )
            if self.tensors[name].dim() > 1 and self.layout.transposes(name) is None:
                raise UsageError(
                    f"no twin of Adafactor on {name}: it is factored along its last two axes, and on the port's side "
                    f"those are others"
                )

    def into(self, state: State, names: Sequence[str], count: int, plateau: Mapping[str, Any]) -> State:
        """``state``, as ``init`` made it for the parameters ``names``, with torch's values.

        Args:
            count: the step at which schedules stand.
            plateau: what a schedule that follows a value remembers, by field.
        """
        import jax.numpy as jnp

        seen = any(self.state[name].get("momentum_buffer") is not None for name in names)
        one = self.state[self.order[0] if self.recipe.name == "lbfgs" else names[0]]

        def fill(owner: Any, field: str, value: Any) -> Any:
            slots = {slot for name in owner._fields if (slot := self.recipe.slots.get(name))}
            if field == "seen":
                return jnp.asarray(int(seen), jnp.int32)
            if field in plateau and "num_bad_epochs" in owner._fields:
                return jnp.asarray(plateau[field], value.dtype)
            if "old_dirs" in owner._fields:
                return self._of_lbfgs(field, value, one, names)
            if field == "count" and not slots - {self.recipe.slots.get("count")}:
                return jnp.asarray(0 if plateau else count, jnp.int32)
            slot = self.recipe.slots.get(field)
            if slot == "step" or slot in SCALARS:
                return jnp.asarray(float(one[slot]), value.dtype) if slot in one else value
            return value if slot is None else self._tree(slot, value, names)

        return walked(state, fill)

    def _tree(self, slot: str, value: Tree, names: Sequence[str]) -> Tree:
        import jax
        import jax.numpy as jnp

        held = {name: _array(self.state[name][slot]) for name in names if self.state[name].get(slot) is not None}
        if not held:
            return value
        factored = slot in OTHER
        moved = self._factors(slot, names) if factored else self.layout.to_port(held)
        known = {path for path, owners in self.layout.owners.items() if set(owners) <= set(held)}
        if factored:
            known = set(moved)

        def leaf(path: Any, old: Any) -> Any:
            own = _path(path, self.layout)
            return jnp.array(moved[own].reshape(old.shape), old.dtype) if own in known else old

        return jax.tree_util.tree_map_with_path(leaf, value)

    def _factors(self, slot: str, names: Sequence[str]) -> Arrays:
        """Means along an axis: of a matrix that lies the other way round, those along the other one."""
        made: Arrays = {}
        for name in names:
            if slot in self.state[name]:
                turned = self.layout.transposes(name)
                array = _array(self.state[name][OTHER[slot] if turned else slot])
                made[self.layout.parameters[name][0]] = array.T if turned else array
        return made

    def _of_lbfgs(self, field: str, value: Any, kept: Mapping[str, Any], names: Sequence[str]) -> Any:
        import jax.numpy as jnp

        if not kept.get("n_iter"):
            return value
        if field == "count":
            return jnp.asarray(kept["n_iter"], value.dtype)
        if field == "head":
            return jnp.asarray(len(kept["ro"]), value.dtype)
        if field in HISTORY or field == "ro":
            made = np.zeros(value.shape)
            for row, one in enumerate(kept[field]):
                made[row] = self._vector(one, names) if field in HISTORY else float(one)
            return jnp.array(made, value.dtype)
        if field in VECTORS:
            return jnp.array(self._vector(kept[field], names), value.dtype)
        return jnp.asarray(float(kept[field]), value.dtype)

    def _vector(self, vector: "torch.Tensor", names: Sequence[str]) -> np.ndarray:
        """A vector over torch's parameters as one over the port's leaves that hold ``names``.

        Raises:
            UsageError: torch moves a parameter that is not among them, though it is frozen.
        """
        array, made, start = _array(vector), dict[str, np.ndarray](), 0
        for name in self.order:
            tensor = self.tensors[name]
            made[name] = array[start : start + tensor.numel()].reshape(tuple(tensor.shape))
            start += tensor.numel()
            if name not in names and made[name].any():
                raise UsageError(
                    f"no twin of LBFGS on {name}: it is frozen, and torch moves it still, along steps that it "
                    f"remembers from before: make the optimizer anew, without it"
                )
        leaves = self.layout.to_port(made)
        return np.concatenate([leaves[path].reshape(-1) for path in self.layout.leaves_of(names)])


def order_of(optimizer: "torch.optim.Optimizer", tensors: "Mapping[str, torch.Tensor]") -> list[str]:
    """The names of an optimizer's parameters in its own order."""
    name_of = {id(tensor): name for name, tensor in tensors.items()}
    own = [one for group in optimizer.param_groups for one in group["params"]]
    return [name_of[id(one)] for one in own if id(one) in name_of]


def walked(state: State, fill: Callable[[Any, str, Any], Any]) -> State:
    """A state with what ``fill`` makes of each field that holds no state itself, from (its owner, its name, it)."""
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(
            *(
                walked(value, fill) if _is_state(value) else fill(state, name, value)
                for name, value in zip(state._fields, state, strict=True)
            )
        )
    if isinstance(state, tuple):
        return tuple(walked(one, fill) for one in state)
    if isinstance(state, dict):
        return {name: walked(one, fill) if _is_state(one) else one for name, one in state.items()}
    return state


def _is_state(value: Any) -> bool:
    """A named tuple, or a plain one or a dictionary of them: parameters that are kept in a tree are none."""
    if isinstance(value, dict):
        return bool(value) and all(_is_state(one) for one in value.values())
    if hasattr(value, "_fields"):
        return True
    return isinstance(value, tuple) and bool(value) and all(_is_state(one) for one in value)


def _path(path: Any, layout: Layout) -> str:
    """A leaf's path as the layout knows it."""
    text = path_of(path)
    return text if text in layout.leaves else f"params/{text}"


def _array(tensor: "torch.Tensor") -> np.ndarray:
    """Dense: a momentum of sparse gradients is sparse, and computes the same."""
    return np.array(from_torch(tensor.detach().to_dense()))


@dataclass
class Read:
    """What a state of optax's holds, in torch's words.

    Attributes:
        arrays: leaves by path, by slot.
        numbers: of each slot that is one number.
        vectors: what LBFGS keeps of all parameters as one, by slot.
        count: the step at which its schedules stand; None without any.
        plateau: what a schedule that follows a value remembers, by field.
        begun: whether the momentum has seen a gradient; None where that is not kept.
    """

    arrays: dict[str, dict[str, np.ndarray]]
    numbers: dict[str, float]
    vectors: dict[str, np.ndarray]
    count: int | None = None
    plateau: dict[str, float] | None = None
    begun: bool | None = None


def read_state(state: State, recipe: Recipe, layout: Layout) -> Read:
    """Look through a state that was made by ``recipe``, or what of it belongs to one label.

    Raises:
        UsageError: parts of it that are kept apart by masks do not stand at the same numbers.
    """
    import jax

    found = Read({}, {}, {})

    def one(old: Any, new: Any, what: str) -> Any:
        if old is not None and old != new and not (old != old and new != new):
            raise UsageError(f"no twin: two masked stages keep {what} at {old} and {new}: give them to optax.partition")
        return new

    def look(owner: Any, field: str, value: Any) -> Any:
        slots = {slot for name in owner._fields if (slot := recipe.slots.get(name))}
        if field == "seen":
            found.begun = one(found.begun, bool(value), "the momentum begun")
        elif "num_bad_epochs" in owner._fields:
            memory = found.plateau or {}
            found.plateau = {**memory, field: one(memory.get(field), float(value), field)}
        elif field == "count" and not slots - {recipe.slots.get("count")} and "old_dirs" not in owner._fields:
            found.count = one(found.count, int(value), "the count of schedules")
        elif "old_dirs" in owner._fields:
            found.vectors[field] = np.array(value)
        elif (slot := recipe.slots.get(field)) == "step" or slot in SCALARS:
            found.numbers[str(slot)] = one(found.numbers.get(str(slot)), float(value), str(slot))
        elif slot is not None:
            leaves, _ = jax.tree_util.tree_flatten_with_path(value)
            own = found.arrays.setdefault(slot, {})
            own.update({_path(path, layout): np.array(leaf) for path, leaf in leaves})
        return value

    walked(state, look)
    return found


def restore(read: Read, slots: Slots, names: Sequence[str]) -> None:
    """Write into torch's state of these parameters what was read."""
    import torch

    if slots.recipe.name == "lbfgs":
        _restore_lbfgs(read, slots, names)
        return
    by_slot = {slot: _named(slot, read.arrays, slots, names) for slot in read.arrays}
    for name in names:
        tensor, own = slots.tensors[name], slots.state[name]
        for slot, arrays in by_slot.items():
            if name not in arrays or (slot == "momentum_buffer" and read.begun is False):
                continue
            own[slot] = torch.from_numpy(np.array(arrays[name])).to(tensor.device, tensor.dtype)
        for slot, number in read.numbers.items():
            old = own.get(slot)
            like = old if torch.is_tensor(old) else torch.empty((), dtype=torch.get_default_dtype())
            own[slot] = torch.full_like(like, number)
        if slots.recipe.torch != "SGD":
            own.setdefault("step", torch.ones((), dtype=torch.get_default_dtype()))


def _named(slot: str, found: Mapping[str, Mapping[str, np.ndarray]], slots: Slots, names: Sequence[str]) -> Arrays:
    if slots.recipe.name != "adafactor":
        return slots.layout.to_reference(dict(found[slot]))
    made: Arrays = {}
    for name in names:
        path, matrix = slots.layout.parameters[name][0], slots.tensors[name].dim() > 1
        turned = matrix and slots.layout.transposes(name)
        if matrix == (slot in OTHER):
            leaf = found[OTHER[slot] if turned else slot][path]
            made[name] = leaf.T if turned else leaf
    return made


def _restore_lbfgs(read: Read, slots: Slots, names: Sequence[str]) -> None:
    import torch

    layout = slots.layout
    first = slots.tensors[slots.order[0]]
    own, vectors = slots.state[slots.order[0]], read.vectors

    def vector(array: np.ndarray) -> torch.Tensor:
        made = {path: np.zeros(shape, array.dtype) for path, shape in layout.leaves.items()}
        start = 0
        for path in layout.leaves_of(names):
            size = made[path].size
            made[path] = array[start : start + size].reshape(made[path].shape)
            start += size
        named = layout.to_reference(made)
        whole = np.concatenate([np.array(named[name]).reshape(-1) for name in slots.order])
        return torch.from_numpy(whole).to(first.device, first.dtype)

    def number(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(float(array), dtype=first.dtype, device=first.device)

    count = int(vectors["count"])
    own.update({"n_iter": count, "func_evals": max(count, own.get("func_evals", 0))})
    if not count:
        return
    head, rows = int(vectors["head"]), len(vectors["ro"])
    held = [place % rows for place in range(head - min(head, rows), head)]  # the oldest first
    for slot in HISTORY:
        own[slot] = [vector(vectors[slot][place]) for place in held]
    own["ro"] = [number(vectors["ro"][place]) for place in held]
    for slot in VECTORS:
        own[slot] = vector(vectors[slot])
    own.update({slot: number(vectors[slot]) for slot in ("t", "H_diag")})
    own["prev_loss"] = own.get("prev_loss", float("nan"))
