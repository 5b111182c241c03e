"""What concerns a layer as a whole: flags, its parameters, gates exchanged between several of its calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from compare.arrays.arrays import wide
from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.layer_settings import SKIPPED
from compare.explain.doctor.segment.suspects import roots, spectral
from compare.explain.doctor.segment.suspects.activations import OWN
from compare.explain.doctor.segment.suspects.gate_parts import packed_parts
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import (
    FREQUENCIES,
    LAYERS_ALIKE,
    MOST_BEFORE,
    POSSIBLE,
    RARE,
    TABLE,
    THETA_ALIKE,
    THETAS,
    USUAL,
)


def of_the_layer(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of the forward pass."""
    yield from flags(scene)
    yield from gates(scene)
    yield from parameters(scene.weights)
    yield from packed(scene)
    yield from others_weights(scene)
    yield from spectral.iterations(scene)
    yield from roots.epsilons(scene)
    yield from residuals(scene)


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
                both = Change(calls=dict(zip((call.number, other.number), _on_both(), strict=True)))
                text = f"the port has {word} on both factors of the product that it gates in the reference"
                yield Suspect("activation", f"{word}(a) * b", f"{word}(a) * {word}(b)", both, POSSIBLE, text)
                break


def _multiplies(call: Call, shape: tuple[int, ...]) -> bool:
    tensors = tensors_of(call.args)
    return len(tensors) == 2 and all(one.shape == shape for one in tensors)


def _exchanged() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two calls: the activation, which waits, and the product, whose other factor it is applied to."""
    waiting: list[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]] = []

    def activation(func: Function, args: tuple, kwargs: dict) -> Any:
        waiting[:] = [(args[0], lambda x: func(x, *args[1:], **kwargs))]
        return args[0]

    def product(func: Function, args: tuple, kwargs: dict) -> Any:
        gate, function = waiting[0]
        if args[1] is gate:
            return func(function(args[0]), args[1], **kwargs)
        return func(args[0], function(args[1]), **kwargs)

    return activation, product


def _on_both() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two calls: the activation, and the product, whose other factor it is applied to as well."""
    made: list[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]] = []

    def activation(func: Function, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        made[:] = [(result, lambda x: func(x, *args[1:], **kwargs))]
        return result

    def product(func: Function, args: tuple, kwargs: dict) -> Any:
        gate, function = made[0]
        return func(*(own if own is gate else function(own) for own in args[:2]), **kwargs)

    return activation, product


def residuals(scene: Scene) -> Iterator[Suspect[Change]]:
    """x + f(norm(x)) where the port has h + f(h), h = norm(x): a residual that begins in another layer's result."""
    layer = scene.reference_layer
    children = [(name, child) for name, child in layer.named_children()] if layer is not None else []
    before = sorted(children, key=lambda item: "norm" not in type(item[1]).__name__.lower())[:MOST_BEFORE]
    for call in scene.calls if before else ():
        tensors = [given for given in call.args[:2] if isinstance(given, Described)]
        if call.name != "add" or len(tensors) < 2 or tensors[0].shape != tensors[1].shape:
            continue
        for name, _ in before:
            path = f"{scene.reference_path}.{name}" if scene.reference_path else name
            for place in (0, 1):
                text = f"the port takes a term of a sum ({call.place}) from the result of {path}"
                change = _from_result(path, call.number, place)
                short = f"term {place} from {path}"
                yield Suspect("residual", "as it is", f"after {name}", change, POSSIBLE, text, short)


def _from_result(path: str, number: int, place: int) -> Change:
    made: list[Any] = []

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        return func(*args[:place], made[-1], *args[place + 1 :], **kwargs)

    return Change(calls={number: replacement}, results={path: made.append})


def others_weights(scene: Scene) -> Iterator[Suspect[Change]]:
    """Another layer's parameters in the place of a layer's own: one layer used twice, two exchanged, a tied head."""
    alike = _layers(scene.every)
    paths = list(alike)
    for path in _layers(scene.weights):
        if path not in alike:
            continue
        at = paths.index(path)
        same = [near for near in paths if near != path and _shapes(alike[near]) == _shapes(alike[path])]
        for other in sorted(same, key=lambda near: abs(paths.index(near) - at))[:LAYERS_ALIKE]:
            change = Change(others={f"{path}.{name}": f"{other}.{name}" for name in alike[other]})
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


_WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "zero": np.zeros_like, "negated": np.negative, "taken twice": lambda own: own + own, "one": np.ones_like,
    "reversed": lambda own: own[::-1], "transposed": np.transpose,
}  # fmt: skip


_OF_COMPLEX: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "conjugated": np.conj,
    "its real part alone": lambda own: own.real.astype(own.dtype),
    "multiplied by i": lambda own: (1j * own).astype(own.dtype),
}


def parameters(weights: Mapping[str, np.ndarray]) -> Iterator[Suspect[Change]]:
    """Of each: zero, one, negated, taken twice, reversed, transposed; of a complex one its conjugate, its real part; of
    a table of frequencies, its base."""
    for name, array in weights.items():
        if not np.issubdtype(array.dtype, np.inexact) or not array.size:
            continue
        if np.iscomplexobj(array):
            for word, change in _OF_COMPLEX.items():
                entering = Change(weights={name: change})
                yield Suspect(
                    "parameter", "as it is", word, entering, RARE, f"{name} is {word} in the port", f"{name} {word}"
                )
        if array.ndim == 1 and not np.iscomplexobj(array) and (base := _base(array)):
            yield from _thetas(name, base)
        vector, square = array.ndim == 1, array.ndim == 2 and array.shape[0] == array.shape[1] > 1
        for word, change in _WAYS.items():
            if word in ("zero", "negated") or (square if word == "transposed" else vector and len(array) > 1):
                text, entering = f"{name} is {word} in the port", Change(weights={name: change})
                yield Suspect("parameter", "as it is", word, entering, RARE + 1, text, f"{name} {word}")


def packed(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of each part of a packed parameter: zero, negated, taken twice."""
    for names, what, at in packed_parts(scene.calls, scene.weights):
        for word in ("zero", "negated", "taken twice"):
            change = Change(weights=dict.fromkeys(names, partial(_in_part, at, _WAYS[word])))
            text = f"{what} is {word} in the port"
            yield Suspect("parameter", "as it is", word, change, RARE, text, f"{what} {word}")


def numbers(scene: Scene) -> Iterator[tuple[str, str, float, Callable[[float], Change]]]:
    """A scale of each parameter and of each part of a packed one, and a constant added to a vector: (setting, of what,
    own value, change)."""
    every = [((name,), name, slice(None)) for name in scene.weights]
    for names, what, at in (*every, *packed_parts(scene.calls, scene.weights)):
        array = scene.weights[names[0]]
        if np.issubdtype(array.dtype, np.inexact) and array.ndim:
            yield "scale", f"of {what}", 1.0, partial(_moved, names, at, np.multiply)
            if array.ndim == 1:
                yield "constant", f"added to {what}", 0.0, partial(_moved, names[:1], at, np.add)


def _moved(names: Sequence[str], at: slice, function: Callable[..., np.ndarray], number: float) -> Change:
    # In float64: what a port computes of a weight is not rounded to the weight's own type in its float64 run.
    return Change(weights=dict.fromkeys(names, partial(_in_part, at, lambda own: function(wide(own), number))))


def _in_part(at: slice, function: Callable[[np.ndarray], np.ndarray], own: np.ndarray) -> np.ndarray:
    changed = function(own[at])
    made = np.array(own, changed.dtype)
    made[at] = changed
    return made


def _base(frequencies: np.ndarray) -> float:
    """theta of the table theta ** (-i / n); 0.0 where ``frequencies`` is none."""
    count = len(frequencies)
    if count < FREQUENCIES or frequencies[0] != 1 or not np.all(frequencies > 0):
        return 0.0
    ratio = float(frequencies[1])
    fits = 0 < ratio < 1 and np.allclose(frequencies, ratio ** np.arange(count), rtol=TABLE)
    return ratio ** (-count) if fits else 0.0


def _thetas(name: str, base: float) -> Iterator[Suspect[Change]]:
    for theta in THETAS:
        if not np.isclose(theta, base, rtol=THETA_ALIKE):
            power = np.log(theta) / np.log(base)
            change = Change(weights={name: lambda own, power=power: own**power})  # type: ignore[misc]
            yield Suspect("theta", f"{base:.6g}", f"{theta:g}", change)
