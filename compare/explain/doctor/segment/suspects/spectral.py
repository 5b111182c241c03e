"""Spectral norm: Flax's takes a step of its power iteration at every call, torch's in training alone."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import USUAL

ONE_MORE = "the port takes one more power iteration than the reference, from the u that is kept, and keeps none of it"


def iterations(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of a matrix that is divided by u W v: one step more before."""
    products = [call for call in scene.calls if call.name == "mv"]
    for last in (call for call in scene.calls if call.name in ("vdot", "dot")):
        before = [call for call in products if call.number < last.number]
        if before:
            calls = dict(zip((before[-1].number, last.number), _one_more(), strict=True))
            yield Suspect("power iteration", "none", "one", Change(calls=calls), USUAL, ONE_MORE)


def _one_more() -> tuple[Replacement, Replacement]:
    """The product W v, and u (W v) by the next v and u."""
    held: list[Tensor] = []

    def product(func: Function, args: tuple, kwargs: dict) -> Any:
        held[:] = [args[0]]
        return func(*args, **kwargs)

    def scaled(func: Function, args: tuple, kwargs: dict) -> Any:
        (matrix,) = held
        with torch.no_grad():
            v = _unit(matrix.T.conj() @ args[0])
            u = _unit(matrix @ v)
        return func(u, matrix @ v)

    return product, scaled


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()
