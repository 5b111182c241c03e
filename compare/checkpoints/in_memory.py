"""Weights carried from one side to the other in memory, as ``jaxport convert`` carries files."""

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from compare.arrays.arrays import Arrays
from compare.checkpoints.checkpoint import UnsoundError
from compare.checkpoints.convert import Conversion, conversion_between
from compare.checkpoints.judged import brought_together
from compare.checkpoints.state_dict import array_of, check_dense, tensor_of
from compare.checkpoints.training_names import fitted_names
from compare.checkpoints.unsaved import with_unsaved
from compare.errors import UsageError, shown, swallowed
from compare.frameworks.models.references import ReferenceModel
from compare.pair.given_pair import given_pair
from compare.pair.prepared import Prepared
from compare.verdict.counted import counted
from compare.weights.own.own_weights import OTHER_SIDE, Side

if TYPE_CHECKING:
    import torch


def convert_weights(
    reference: object,
    port: object = None,
    batch: object = None,
    weights: Any = None,
    *,
    to: Literal["port", "reference"] = "port",
    seed: int = 0,
    **fields: Any,
) -> Any:
    """Carry weights from one side to the other through the weight map, in memory and in either direction.

    One-to-one lines of the map are bit-identical, in every dtype that both sides hold: JAX makes float32 of float64
    unless ``jax_enable_x64`` is set. Neither model is changed; both are traced for the map, and run where maps have to
    be tried. What is worth saying of the map, what loses digits, and what is left out, added or taken off a name, is
    warned of.

    Args:
        reference: an ``nn.Module``, or a whole ``Pair`` (then nothing else describes the models).
        port: what ``verify`` takes as a port.
        batch: what ``verify`` takes as a batch.
        weights: what to carry. To the port a ``state_dict`` or a module; to the reference what the port's kind holds
            its weights in (the variables of a Linen module, an NNX module or its state, an Equinox module, a pytree of
            parameters), or leaves by path (``{"params/Dense_0/kernel": ...}``). Of torch, JAX or NumPy; what training
            adds to names is taken off. By default the side's own.
        to: ``port`` or ``reference``.
        seed: of the generator that draws the pair's batch.
        fields: any further field of ``compare.pair.pair.Pair``: ``rules``, ``port_inputs``, ...

    Returns:
        To the port, what its kind holds its weights in: variables for ``module.apply``, a new NNX module, a new Equinox
        module (with its state, as (module, state)), or the parameters of a function. To the reference, a dictionary of
        tensors on the CPU for ``load_state_dict``.

    Raises:
        UsageError: the weight map cannot be found, the weights are those of the side to which they should go, or they
            do not fit the model: an array is missing, left over, or of another shape.
    """
    pair = given_pair("convert_weights", reference, port, batch, fields, whole="it and the weights alone")
    if to not in ("port", "reference"):
        raise UsageError(f"to: expected 'port' or 'reference', got {shown(to)}")
    prepared, given = brought_together(pair, seed)
    conversion = conversion_between(prepared)
    _check_whose(prepared, conversion, weights, OTHER_SIDE[to])
    if to == "port":
        arrays = _of_reference(prepared, weights)
        carried = _carried(conversion, "reference", arrays)
        _warn_of_narrowed(carried)
        return prepared.port.holding(carried)
    arrays = given if weights is None and given is not None else _of_port(prepared, weights)
    return _tensors(_carried(conversion, "port", arrays))


def _carried(conversion: Conversion, side: Side, arrays: Arrays) -> Arrays:
    carried, notes = conversion.carried(side, arrays)
    for note in notes:
        warnings.warn(f"convert_weights: {note}", stacklevel=3)
    return carried


def _warn_of_narrowed(leaves: Arrays) -> None:
    """JAX keeps no float64 unless it is told to, and says nothing."""
    import jax

    narrowed = [
        path for path, leaf in leaves.items()
        if leaf.dtype.kind in "fc" and jax.dtypes.canonicalize_dtype(leaf.dtype) != leaf.dtype
    ]  # fmt: skip
    if narrowed:
        warnings.warn(
            f"convert_weights: {len(narrowed)} of {counted(len(leaves), 'array')} are float64 and become float32, "
            f"first {narrowed[0]}: JAX has float64 where jax_enable_x64 is set",
            stacklevel=3,
        )


def _check_whose(prepared: Prepared, conversion: Conversion, weights: Any, side: Side) -> None:
    """Refuse the other side's weights: which way they go is said and not guessed.

    Raises:
        UsageError: what is given is held as the other side holds its weights, or has its names.
    """
    import torch

    names: Mapping[str, object] = {}
    if isinstance(weights, torch.nn.Module):
        names = weights.state_dict() if side == "port" else {}
    elif isinstance(weights, Mapping):
        names = dict.fromkeys(_names(weights))
    elif weights is not None and side == "reference":
        try:
            names = prepared.port.held_in(weights)
        except UsageError as error:
            swallowed(error)  # it is neither side's, which is said where it is read
    other = OTHER_SIDE[side]
    if conversion.side_of(names, side) == other:
        known = conversion.names_of(other)
        first = next(name for name in fitted_names(names, known).arrays if name in known)
        raise UsageError(
            f"weights: these are the {other}'s, by names such as {first}: give to={side!r} to carry them to the "
            f"{side}, or the {side}'s weights"
        )


def _names(nest: Mapping[Any, Any], before: str = "") -> Iterator[str]:
    """The paths of what a nest of dictionaries, or of lists of them, holds."""
    for name, value in nest.items():
        inner = value
        if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            inner = dict(enumerate(value))
        if isinstance(inner, Mapping):
            yield from _names(inner, f"{before}{name}/")
        else:
            yield f"{before}{name}"


def _of_reference(prepared: Prepared, weights: Any) -> Arrays:
    import torch

    own = prepared.reference
    assert isinstance(own, ReferenceModel)
    if weights is None:
        weights = own.module
    module = own.module
    if isinstance(weights, torch.nn.Module):
        module, weights = weights, weights.state_dict()
    if not isinstance(weights, Mapping):
        raise UsageError(f"weights: expected a state_dict or an nn.Module, got {shown(weights)}")
    arrays = {str(name): _array(str(name), value) for name, value in weights.items()}
    return with_unsaved(arrays, prepared, module)


def _of_port(prepared: Prepared, weights: Any) -> Arrays:
    port = prepared.port
    if weights is None:
        if not port.has_own:
            raise UsageError("convert_weights: the port has no weights of its own: give weights=")
        return port.initial([*port.leaves])
    if isinstance(weights, Mapping) and weights and all("/" in str(name) for name in weights):
        return {str(name): np.asarray(value) for name, value in weights.items()}
    return port.held_in(weights)


def _array(name: str, value: Any) -> np.ndarray:
    """A tensor of torch, an array of JAX or of NumPy as NumPy has it, in its own dtype."""
    import torch

    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    try:
        check_dense(name, value.cpu())
        return array_of(name, value.cpu())
    except UnsoundError as error:
        raise UsageError(f"weights: {error}") from error


def _tensors(arrays: Arrays) -> "dict[str, torch.Tensor]":
    """Tensors of their own memory; names of one array are one tensor."""
    made: dict[int, torch.Tensor] = {}
    for array in arrays.values():
        if id(array) not in made:
            made[id(array)] = tensor_of(array)
    return {name: made[id(array)] for name, array in arrays.items()}
