"""Functions whose derivative torch sets to zero where there is none, as their formulas say: zero divided by zero."""

from collections.abc import Callable

from torch import Tensor

from compare.explain.calls.signatures import Given


def _root_of_squares(given: Given) -> Tensor:
    axes, squares = given.get("dim"), given["input"] ** 2
    return (squares.sum() if axes is None else squares.sum(axes, keepdim=bool(given.get("keepdim")))).sqrt()


def _deviation(given: Given) -> Tensor:
    correction = given.get("correction")
    count = float(given.get("unbiased") is not False) if correction is None else float(correction)
    axes = given["dim"] if given.get("dim") is not None else tuple(range(given["input"].ndim))
    return given["input"].var(axes, correction=count, keepdim=bool(given.get("keepdim"))).sqrt()


def _normalized(given: Given) -> Tensor:
    own = given["input"]
    return own / (own**2).sum(given["dim"], keepdim=True).sqrt().clamp_min(given["eps"])


AT_ZERO: dict[str, Callable[[Given], Tensor]] = {
    **dict.fromkeys(("norm", "linalg_norm", "linalg_vector_norm", "vector_norm"), _root_of_squares),
    "std": _deviation,
    "normalize": _normalized,
}
