"""The map put to use: random weights carried to the port, both sides run in float64, gradients brought back."""

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from compare.arrays.arrays import PARAMS, Arrays
from compare.arrays.batch import named_leaves
from compare.weights.mapping.find import FoundMap, find

CLOSE = 1e-10  # relative; a wrong layout is off by 1


def carried(
    reference: nn.Module, port: Any, *args: np.ndarray, rules: dict[str, Any] | None = None, port_args: Any = None
) -> FoundMap:
    """Find the map, carry weights through it, and hold outputs and gradients of both sides against each other."""
    found = find(reference, args, {}, port, args if port_args is None else port_args, {}, rules or {})
    model = copy.deepcopy(reference).double().eval()
    arrays = _drawn(model, found)
    leaves = {path: tuple(leaf.shape) for path, leaf in found.model.leaves.items() if path in found.weight_map.ports}
    moved = found.weight_map.to_port(arrays, leaves)
    shapes = {name: array.shape for name, array in arrays.items()}
    back = found.weight_map.to_reference(moved, shapes, values=True)
    if not summed(found):
        assert all(np.array_equal(back[name], array) for name, array in arrays.items()), "there and back"
    wanted, wanted_grads = _torch_side(model, args)
    outputs, grads = _port_side(found, moved, args if port_args is None else port_args, wanted)
    for name, array in wanted.items():
        assert outputs[name].shape == array.shape
        assert _distance(outputs[name], array) < CLOSE, f"{name}: {_distance(outputs[name], array)}"
    returned = found.weight_map.to_reference(grads, shapes)
    # One that is zero on paper (a bias before a norm) is held against the largest.
    scale = max(float(np.linalg.norm(array)) for array in wanted_grads.values())
    for name, array in wanted_grads.items():
        if name in returned:
            assert np.linalg.norm(returned[name] - array) < CLOSE * scale, f"gradient of {name}"
    return found


def summed(found: FoundMap) -> tuple[str, ...]:
    """The reference's arrays that the port holds in a sum with another."""
    return tuple(dict.fromkeys(entry.reference for entry in found.weight_map.entries if entry.summed))


def _drawn(model: nn.Module, found: FoundMap) -> Arrays:
    rng = np.random.default_rng(1)
    arrays = {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if name not in found.weight_map.references:
            continue
        with torch.no_grad():
            tensor.copy_(torch.tensor(rng.uniform(0.2, 1.0, tensor.shape)))
        arrays[name] = tensor.detach().numpy()
    return arrays


def _torch_side(model: nn.Module, args: tuple[np.ndarray, ...]) -> tuple[Arrays, Arrays]:
    outputs = dict(named_leaves(model(*(torch.tensor(_wide(array)) for array in args)), "output"))
    sum((output * torch.tensor(_cotangent(output.shape))).sum() for output in outputs.values()).backward()
    grads = {name: tensor.grad.numpy() for name, tensor in model.named_parameters() if tensor.grad is not None}
    return {name: output.detach().numpy() for name, output in outputs.items()}, grads


def _port_side(found: FoundMap, leaves: Arrays, args: Any, like: Arrays) -> tuple[Arrays, Arrays]:
    given, structure = jax.tree.flatten((args, {}))
    turned = [
        _wide(array if axes is None else np.transpose(array, axes))
        for array, axes in zip(given, found.inputs, strict=True)
    ]
    with jax.enable_x64(True):
        inputs = jax.tree.unflatten(structure, map(jnp.asarray, turned))
        model = found.model.widened()
        rest = {path: jnp.zeros(leaf.shape, leaf.dtype) for path, leaf in found.model.leaves.items()}

        def outputs_of(params: Any) -> Any:
            outputs, _ = model.apply({**rest, **leaves, **params}, *inputs, False)
            named = dict(named_leaves(outputs, "output"))
            return {
                name: jnp.transpose(output, found.outputs[name]) if name in found.outputs else output
                for name, output in named.items()
            }

        @jax.jit  # one program: operation by operation takes as many, of as much time each
        def outputs_and_grads(params: Any) -> Any:
            outputs, pull = jax.vjp(outputs_of, params)
            return outputs, *pull({name: jnp.asarray(_cotangent(output.shape)) for name, output in outputs.items()})

        outputs, grads = outputs_and_grads({path: leaf for path, leaf in leaves.items() if path.startswith(PARAMS)})
        assert set(outputs) == set(like)
        return ({name: np.asarray(output) for name, output in outputs.items()}, jax.tree.map(np.asarray, grads))


def _cotangent(shape: Any) -> Any:
    return np.random.default_rng(2).standard_normal(tuple(shape))


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / (np.linalg.norm(other) + 1e-30))


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def layout_of(found: FoundMap, name: str) -> str:
    """The layout of the only line of an array, in words."""
    (entry,) = [entry for entry in found.weight_map.entries if entry.reference == name]
    return entry.layout
