"""What concerns a layer as a whole, or several of its calls at once: flags, shared weights, exchanged gates."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.layer_settings import SKIPPED
from compare.explain.doctor.segment.suspects.activations import OWN
from compare.explain.doctor.thresholds import LAYERS_ALIKE, POSSIBLE, RARE, USUAL
from compare.explain.doctor.trials import Suspect


def suspects(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of the forward pass."""
    yield from flags(scene)
    yield from gates(scene)
    yield from others_weights(scene)


def flags(scene: Scene) -> Iterator[Suspect[Change]]:
    """Each flag of the reference's layer the other way round."""
    layer = scene.reference_layer
    for name, value in vars(layer).items() if layer is not None else ():
        if isinstance(value, bool) and not name.startswith("_") and name not in SKIPPED:
            change = Change(attributes={(scene.reference_path, name): not value})
            text = f"the port computes as if {name} were {not value}; in the reference it is {value}"
            yield Suspect(name, str(value), str(not value), change, POSSIBLE, text)


def gates(scene: Scene) -> Iterator[Suspect[Change]]:
    """act(a) * b where the port has a * act(b): the activation on the other factor of the next product."""
    for at, call in enumerate(scene.calls):
        if call.name not in OWN or not isinstance(call.result, Described):
            continue
        for other in scene.calls[at + 1 :]:
            if other.name == "mul" and _multiplies(other, call.result.shape):
                change = Change(calls=dict(zip((call.number, other.number), _exchanged(), strict=True)))
                word = OWN[call.name]
                text = f"the port has {word} on the other factor of the product that it gates in the reference"
                yield Suspect("gate order", f"{word}(a) * b", f"a * {word}(b)", change, USUAL, text)
                break


def _multiplies(call: Call, shape: tuple[int, ...]) -> bool:
    tensors = tensors_of(call.args)
    return len(tensors) == 2 and all(one.shape == shape for one in tensors)


def _exchanged() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two calls: the activation, which waits, and the product, whose other factor it is applied to."""
    waiting: list[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]] = []

    def activation(func: Any, args: tuple, kwargs: dict) -> Any:
        waiting[:] = [(args[0], lambda one: func(one, *args[1:], **kwargs))]
        return args[0]

    def product(func: Any, args: tuple, kwargs: dict) -> Any:
        gate, function = waiting[0]
        if args[1] is gate:
            return func(function(args[0]), args[1], **kwargs)
        return func(args[0], function(args[1]), **kwargs)

    return activation, product


def others_weights(scene: Scene) -> Iterator[Suspect[Change]]:
    """Another layer's parameters in the place of a layer's own: one layer used twice, two exchanged, a tied head."""
    alike = _layers(scene.every)
    paths = list(alike)
    for path in _layers(scene.weights):
        if path not in alike:
            continue
        at = paths.index(path)
        same = [one for one in paths if one != path and _shapes(alike[one]) == _shapes(alike[path])]
        for other in sorted(same, key=lambda one: abs(paths.index(one) - at))[:LAYERS_ALIKE]:
            change = Change(weights={f"{path}.{name}": _put(array) for name, array in alike[other].items()})
            text = f"the port uses the weights of {other} in the place of those of {path}"
            yield Suspect("tied", path, other, change, RARE, text, f"weights of {other} for {path}")


def _layers(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Parameters by the layer that holds them, in order."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        path, _, last = name.rpartition(".")
        found.setdefault(path, {})[last] = array
    return found


def _shapes(layer: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in layer.items()}


def _put(array: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda own: array.astype(own.dtype)
