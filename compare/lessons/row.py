"""One lesson: an idea written once on each side, under one name, and the arrays that both are fed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Never

import numpy as np

Drawn = Callable[[np.random.Generator], Mapping[str, np.ndarray]]
Bound = Callable[[int], Mapping[str, object]]
Quantities = dict[str, object]


def nothing(*_: object) -> Mapping[str, Never]:
    """No arguments."""
    return {}


def generator(seed: int) -> dict[str, object]:
    """torch's state to draw from, made explicit."""
    import torch

    return {"generator": torch.Generator().manual_seed(seed)}


def key(seed: int) -> dict[str, object]:
    """JAX's key to draw with."""
    import jax

    return {"key": jax.random.key(seed)}


@dataclass(frozen=True)
class Lesson:
    """A row of the table of lessons.

    A side's function is written to be read: it takes arrays and returns what such code returns. What is judged of it
    is named by a function of the same name in ``compare/lessons/judged/FILE_torch.py`` and ``FILE_jax.py``, which is
    given the side's function and the arrays by name, and returns quantities by name. Arrays and floats are judged;
    everything else (shapes, dtypes, texts, error messages) must be equal. The exceptions are in ``differs``, and must
    indeed differ.

    Attributes:
        name: by which it is read; title: as a heading.
        file, function: where both sides have it: ``torchref/FILE.py`` and ``jaxport/FILE.py``.
        arrays: what both sides are fed, from one seeded generator, by argument name.
        reference, port: further arguments of one side alone, from the seed: a generator, a key.
        differs: quantities that the two sides cannot share, each with the reason; one may lack them.
        same, different, prevents: what is the same, what is different, and which mistake knowing it prevents.
        also: further public names of the same file that belong to the lesson and are shown with it.
        faces: where arrays do not tell which statements do the same: how one of the reference's begins, and the port's
            that it stands beside.
        unpromised: places in what the function returns (``[1]``) whose numbers neither side promises, so that a
            student's may be others.
    """

    name: str
    title: str
    file: str
    function: str
    same: str
    different: str
    prevents: str
    arrays: Drawn = nothing
    reference: Bound = nothing
    port: Bound = nothing
    differs: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    faces: Mapping[str, str] = field(default_factory=dict)
    unpromised: tuple[str, ...] = ()
