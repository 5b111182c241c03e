"""One call of each side's model as the pair says: its arguments adapted, its outputs as the pair compares them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from compare.arrays.batch import Batch, named_leaves
from compare.frameworks.models.modes import Mode, mode_arguments
from compare.pair.adapters import called
from compare.pair.fields import answer_of
from compare.pair.pair import Pair

if TYPE_CHECKING:
    import jax
    import torch

    from compare.frameworks.models.ports import PortModel

Tree = Any  # of a model: whatever its library makes it
AxesByName = Mapping[str, tuple[int, ...]]


class Joined(Protocol):
    """A port, and how it is called: what a pair that was brought together says of it."""

    @property
    def pair(self) -> Pair: ...
    @property
    def port(self) -> "PortModel": ...
    @property
    def input_axes(self) -> AxesByName: ...
    @property
    def output_axes(self) -> AxesByName: ...


def reference_outputs(
    pair: Pair,
    module: "torch.nn.Module",
    batch: Batch,
    inputs: "Mapping[str, torch.Tensor]",
    mode: Mode,
    wrapper: "torch.nn.Module | None" = None,
) -> object:
    """The module called on ``inputs``, as the batch's form says.

    Args:
        wrapper: of the module, called in its place: what tells it the mode is the module's own signature, which a
            wrapper hides.
    """
    args, kwargs = called(pair.reference_inputs, *batch.call(inputs))
    outputs = (module if wrapper is None else wrapper)(*args, **kwargs, **mode_arguments(module.forward, mode, kwargs))
    adapt = pair.reference_outputs
    return answer_of("reference_outputs", adapt, outputs) if adapt else outputs


def port_outputs(
    prepared: Joined,
    leaves: "Mapping[str, jax.Array]",
    inputs: "Mapping[str, jax.Array]",
    form: Batch,
    mode: Mode,
    around: AbstractContextManager[None] | None = None,
    output_axes: AxesByName | None = None,
) -> "tuple[Tree, dict[str, jax.Array]]":
    """The outputs in the reference's layout, and the statistics afterwards.

    Args:
        around: within it the model itself is called, and nothing else.
        output_axes: by output, how it is brought into the reference's layout; the pair's where none are given.
    """
    import jax.numpy as jnp

    axes, pair = prepared.input_axes, prepared.pair
    turned = {name: jnp.transpose(array, axes[name]) if name in axes else array for name, array in inputs.items()}
    args, kwargs = called(pair.port_inputs, *form.call(turned))
    with around or nullcontext():
        outputs, changed = prepared.port.apply(leaves, args, kwargs, mode)
    adapt = pair.port_outputs
    outputs = answer_of("port_outputs", adapt, outputs) if adapt else outputs
    return turned_back(outputs, prepared.output_axes if output_axes is None else output_axes), changed


def turned_back(outputs: Tree, axes: AxesByName) -> Tree:
    """The outputs with the axes of some, by name, permuted."""
    import jax

    if not axes:
        return outputs
    leaves, structure = jax.tree.flatten(outputs)
    by_id = {id(leaf): name for name, leaf in named_leaves(outputs, "output")}
    turned = [
        jax.numpy.transpose(leaf, axes[by_id[id(leaf)]]) if by_id.get(id(leaf)) in axes else leaf for leaf in leaves
    ]
    return jax.tree.unflatten(structure, turned)
