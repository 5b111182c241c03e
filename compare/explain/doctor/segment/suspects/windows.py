"""Windows and what is transformed through them: periodic or symmetric, divided by a window's sum."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function
from compare.explain.calls.signatures import Given, bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, value
from compare.explain.doctor.thresholds import DEFAULT, USUAL, WRITTEN

_WINDOWS = ("hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window")


def windows(view: View) -> Iterator[Idea]:
    """Of a window that is made there: symmetric where it is periodic, and the other way round."""
    flags = [given for given in view.call.args[1:] if isinstance(given, bool)]
    own = bool(view.call.kwargs.get("periodic", flags[0] if flags else True))
    yield value("periodic", own, not own, partial(_turned, not own), DEFAULT)


def _turned(periodic: bool, func: Function, args: tuple, kwargs: dict) -> Any:
    return func(args[0], **{**kwargs, "periodic": periodic})


def transform(view: View) -> Iterator[Idea]:
    """Of ``stft``: divided by the sum of its window, as SciPy does it, or by the root of the sum of its squares; with
    a symmetric window."""
    if not isinstance(view.given.get("window"), Described):
        return
    for word, root in (("sum", False), ("root of the sum of squares", True)):
        text = f"the port divides the transform by the {word} of its window"
        yield Idea("scale", "1", f"1 / {word} of the window", partial(_scaled, root), DEFAULT, text, f"by the {word}")
    symmetric = altered(window=_symmetric)
    yield value("periodic", True, False, symmetric, USUAL)


def _scaled(root: bool, func: Function, args: tuple, kwargs: dict) -> Any:
    window = bound(func, args, kwargs)["window"]
    return func(*args, **kwargs) / (window.square().sum().sqrt() if root else window.sum())


def _symmetric(given: Given) -> torch.Tensor:
    """The same window with its last entry as its first.

    Raises:
        ValueError: it is none of those that torch makes.
    """
    own = given["window"]
    for name in _WINDOWS[:3]:
        make = getattr(torch, name)
        if torch.allclose(own, make(len(own), dtype=own.dtype), atol=WRITTEN):
            made: torch.Tensor = make(len(own), periodic=False, dtype=own.dtype)
            return made
    raise ValueError("no window of torch's")


FAMILIES: dict[str, Family] = {"stft": transform, **dict.fromkeys(_WINDOWS, windows)}
