"""Complex numbers: a conjugate forgotten or taken of the other factor, a transform scaled otherwise."""

from collections.abc import Iterator

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, altered, candidates, left_out, value
from compare.explain.doctor.thresholds import DEFAULT, USUAL

NORMS = ("backward", "ortho", "forward")  # by which a transform is divided by n: on the way back, half and half, there


def conjugate(view: View) -> Iterator[Idea]:
    """Of ``conj``: none in its place."""
    if _is_complex(view.call.args[0] if view.call.args else None):
        yield Idea("conjugate", "taken", "none", left_out, DEFAULT, "the port does not conjugate there", "no conjugate")


def made(view: View) -> Iterator[Idea]:
    """Of complex numbers made of their parts: the conjugates, and the real parts alone."""
    text = "the port takes the conjugate of the complex numbers made there"
    yield Idea("conjugate", "none", "taken", afterwards(torch.conj), USUAL, text, "conjugates made")
    text = "the port takes the real part alone of the complex numbers made there"
    yield Idea("part", "both", "real part", afterwards(lambda z: z.real.to(z.dtype)), USUAL, text, "real parts made")


def product(view: View) -> Iterator[Idea]:
    """Of a product of two complex arrays: the conjugate of one of them."""
    for place, which in enumerate(("first", "second")):
        given = view.call.args[place] if len(view.call.args) > place else None
        if _is_complex(given) and isinstance(given, Described):
            what = given.name or f"the {which} factor"
            text = f"the port multiplies by the conjugate of {what}"
            yield Idea("conjugate", "none", which, _conjugated(place), USUAL, text, f"conjugate of {what}")


def part(view: View) -> Iterator[Idea]:
    """Of a real part the imaginary one, of an imaginary one the real; of a modulus the real part."""
    other = {"real": torch.imag, "imag": torch.real, "abs": torch.real}[view.call.name]
    if _is_complex(view.call.args[0] if view.call.args else None):
        words = {"real": "real part", "imag": "imaginary part", "abs": "modulus"}
        port = "imaginary part" if view.call.name == "real" else "real part"
        yield value("part", words[view.call.name], port, lambda func, args, kwargs: other(args[0]))


def transform(view: View) -> Iterator[Idea]:
    """Of a Fourier transform: the division by its length, and the sign of its exponent."""
    own = view.given.get("norm") or NORMS[0]
    for norm, rank in candidates(view, "norm", own, NORMS, USUAL):
        yield value("norm", own, norm, altered(norm=norm), rank)
    result = view.call.result
    if isinstance(result, Described) and "complex" in result.dtype:
        text = "the port's transform has the other sign in its exponent, or its conjugate is taken"
        yield Idea("sign", "as it is", "the other", afterwards(torch.conj), USUAL, text, "transform conjugated")


def _conjugated(place: int) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> object:
        return func(*(given.conj() if at == place else given for at, given in enumerate(args)), **kwargs)

    return replacement


def _is_complex(given: object) -> bool:
    return isinstance(given, Described) and "complex" in given.dtype


_TRANSFORMS = [f"fft_{way}{kind}fft{axes}" for way in ("", "i") for kind in ("", "r", "h") for axes in ("", "2", "n")]

FAMILIES: dict[str, Family] = {
    "conj": conjugate,
    "conj_physical": conjugate,
    **dict.fromkeys(("view_as_complex", "complex", "polar"), made),
    **dict.fromkeys(("mul", "matmul", "bmm", "mm"), product),
    **dict.fromkeys(("real", "imag", "abs"), part),
    **dict.fromkeys(_TRANSFORMS, transform),
}
