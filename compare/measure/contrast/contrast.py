"""Tape and residuals, measured: what each way of differentiating keeps from the forward pass for the backward pass.

PyTorch records while the forward pass runs: each node of the tape (``grad_fn``) holds the tensors its backward formula
needs. JAX traces the function into a program (the jaxpr), and ``jax.vjp`` splits it: the forward half returns, beside
the value, the residuals that the backward half takes.

Sources: https://docs.pytorch.org/tutorials/beginner/understanding_leaf_vs_nonleaf_tutorial.html (nodes and what they
save), https://docs.jax.dev/en/latest/_autosummary/jax.vjp.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compare.frameworks.devices import Device
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import Prepared, prepare
from compare.verdict.precision import FLOAT32

if TYPE_CHECKING:
    import jax
    from jax.extend import core
    from jax.tree_util import KeyPath
    from torch import nn
    from torch.autograd.graph import Node as Grad


@dataclass(frozen=True)
class Kept:
    """One array kept for the backward pass. ``same_as`` names the parameter or input whose memory it is; ``copy_of``
    the one that it holds a copy of. ``shared`` marks memory that an earlier row has listed already."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int
    same_as: str = ""
    copy_of: str = ""
    shared: bool = False

    @property
    def own_bytes(self) -> int:
        return 0 if self.same_as or self.shared else self.bytes


@dataclass(frozen=True)
class Node:
    """One node of the tape, in the order of the backward pass, with what it saved."""

    name: str
    saved: tuple[Kept, ...]


@dataclass(frozen=True)
class Contrast:
    """Both ways on one batch of one pair.

    Attributes:
        tape: the nodes, from the loss back to the leaves.
        forward, backward: the equations of the two halves of the jaxpr, one line each.
        residuals: what the forward half hands to the backward half.
    """

    pair: str
    title: str
    device: str
    loss_reference: float
    loss_port: float
    tape: tuple[Node, ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    residuals: tuple[Kept, ...]

    @property
    def tape_bytes(self) -> int:
        """Memory that lives only because of the tape."""
        return sum(kept.own_bytes for node in self.tape for kept in node.saved)

    @property
    def residual_bytes(self) -> int:
        """Memory that lives only because of the residuals."""
        return sum(kept.own_bytes for kept in self.residuals)


def contrast(pair: Pair, device: Device, seed: int = 0) -> Contrast:
    """Run both sides' forward pass once and take apart what it leaves behind."""
    prepared = prepare(pair, seed)
    entering = prepared.enter(seed, 1).at(FLOAT32)
    loss_reference, tape = _tape(prepared, entering, device)
    loss_port, forward, backward, residuals = _residuals(prepared, entering, device)
    return Contrast(pair.name, pair.title, device.name, loss_reference, loss_port, tape, forward, backward, residuals)


def _tape(prepared: Prepared, entering: Entering, device: Device) -> tuple[float, tuple[Node, ...]]:
    from compare.sides.reference import ReferenceSide

    side, batch = ReferenceSide(prepared, FLOAT32, device.torch), entering.batches[0]
    module = side.load(entering, prepared.modes[0])
    inputs, targets = side.batch(batch)
    with side.here():
        loss = side.loss(module, batch, inputs, targets)
    known = {tensor.untyped_storage().data_ptr(): name for name, tensor in module.named_parameters()}
    known |= {tensor.untyped_storage().data_ptr(): name for name, tensor in (inputs | targets).items()}
    seen: set[int] = set()
    assert loss.grad_fn is not None
    nodes = tuple(Node(_leaf_name(node, module), tuple(_saved(node, known, seen))) for node in _walk(loss.grad_fn))
    return float(loss.detach()), nodes


def _walk(root: "Grad") -> Iterator["Grad"]:
    """Every node once, breadth first: the loss first, the leaves last."""
    queue, seen = [root], {root}
    while queue:
        node = queue.pop(0)
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)


def _leaf_name(node: "Grad", module: "nn.Module") -> str:
    """The node's class; for a leaf, also whose ``.grad`` it fills."""
    name = node.name().removeprefix("torch::autograd::")
    leaves = [own for own, parameter in module.named_parameters() if getattr(node, "variable", None) is parameter]
    return f"{name} {leaves[0]}" if leaves else name


def _saved(node: "Grad", known: dict[int, str], seen: set[int]) -> Iterator[Kept]:
    """The tensors a node holds. Views share their storage: it is counted where it is met first."""
    import torch

    attributes = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
    attributes.append(getattr(node, "saved_tensors", ()))  # of a torch.autograd.Function
    for value in (item for held in attributes for item in (held if isinstance(held, list | tuple) else [held])):
        if isinstance(value, torch.Tensor):
            storage = value.untyped_storage().data_ptr()
            dtype = str(value.dtype).removeprefix("torch.")
            yield Kept(tuple(value.shape), dtype, value.nbytes, known.get(storage, ""), shared=storage in seen)
            seen.add(storage)


def _residuals(
    prepared: Prepared, entering: Entering, device: Device
) -> tuple[float, tuple[str, ...], tuple[str, ...], tuple[Kept, ...]]:
    import jax

    from compare.sides.port import PortSide

    side = PortSide(prepared, FLOAT32, device.jax)
    with jax.enable_x64(False):
        leaves, inputs, targets = side.arrays(entering)
        params, rest = side.tree(leaves)
        loss_and_rest = side.loss_of(inputs, targets, entering.batches[0])

        def loss_of(params: object) -> "jax.Array":
            return loss_and_rest(params, rest)[0]

        loss, pull_back = jax.vjp(loss_of, params)
        forward = _equations(jax.make_jaxpr(lambda params: jax.vjp(loss_of, params))(params).jaxpr)
        backward = _equations(jax.make_jaxpr(pull_back)(loss).jaxpr)
        names = {"/".join(str(getattr(key, "key", key)) for key in path): leaf for path, leaf in _leaves(params)}
        names |= inputs | targets
        seen: set[int] = set()
        kept = tuple(_kept(leaf, names, seen) for leaf in jax.tree.leaves(pull_back))
        return float(loss), forward, backward, kept


def _leaves(params: object) -> list[tuple["KeyPath", "jax.Array"]]:
    import jax

    return jax.tree_util.tree_flatten_with_path(params)[0]


def _kept(leaf: "jax.Array", names: dict[str, "jax.Array"], seen: set[int]) -> Kept:
    """A residual: its memory is known by its address, a copy (reshaped, transposed) by its values."""
    array, address = np.asarray(leaf), leaf.unsafe_buffer_pointer()
    same = [name for name, other in names.items() if other.unsafe_buffer_pointer() == address]
    copies = [name for name, other in names.items() if _same_values(np.asarray(other), array)]
    listed = address in seen
    seen.add(address)
    same_as, copy_of = (same[0], "") if same else ("", copies[0] if copies else "")
    return Kept(array.shape, str(array.dtype), array.nbytes, same_as, copy_of, listed)


def _same_values(known: np.ndarray, array: np.ndarray) -> bool:
    if known.size != array.size or known.dtype != array.dtype:
        return False
    return any(np.array_equal(one.ravel(), array.ravel()) for one in (known, known.T))


def _equations(jaxpr: "core.Jaxpr") -> tuple[str, ...]:
    """One line for each equation: what it makes, from which operation; called programs are unfolded in place."""
    lines: list[str] = []
    for equation in jaxpr.eqns:
        inner = [value for value in equation.params.values() if hasattr(value, "jaxpr")]
        if inner and equation.primitive.name in ("jit", "pjit", "custom_jvp_call", "custom_vjp_call", "closed_call"):
            lines += _equations(inner[0].jaxpr)
        else:
            results = ", ".join(var.aval.str_short() for var in equation.outvars)
            lines.append(f"{equation.primitive.name:18} {results}")
    return tuple(lines)
