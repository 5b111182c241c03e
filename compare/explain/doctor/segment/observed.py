"""What the two arrays say by themselves, with no run: a ratio, another order of axes, a region."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from math import copysign, exp, log

import numpy as np
import torch
from torch.nn import functional as F

from compare.arrays.arrays import wide
from compare.explain.calls.call import Call, tensors_of
from compare.explain.calls.scene import Scene
from compare.explain.doctor.gaps import distance, size
from compare.explain.doctor.thresholds import (
    DIGITS,
    FAR,
    GROUPINGS,
    LISTED,
    MOST_AXES,
    NEARER,
    NEARLY_ONE,
    ROUNDED,
    THETA,
    TINY,
    UNSEEN,
    WIDEST,
    WRITTEN,
)
from compare.verdict.counted import counted

Move = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Observed:
    """``sentences`` for a reader; ``ratio`` if the port's is that times the reference's, ``extra`` if it is that
    function of the reference's, ``moved`` if it has its entries elsewhere: in words, and what moves them."""

    sentences: tuple[str, ...] = ()
    ratio: float | None = None
    extra: str = ""
    moved: tuple[str, Move] | None = None


def observe(scene: Scene, names: list[str]) -> Observed:
    """What is to be seen of the arrays called ``names``; the sentences begin with the name where there are several."""
    apart = [name for name in names if beyond_allowed(scene, name)]
    arrays = [(name, _seen(name, scene.plain[name], scene.port[name], scene.calls)) for name in apart]
    arrays = [(name, seen) for name, seen in arrays if seen.sentences]
    if not arrays:
        return Observed()
    texts = [text if len(names) == 1 else f"{name}: {text}" for name, seen in arrays for text in seen.sentences]
    ratio = next((seen.ratio for _, seen in arrays if seen.ratio is not None), None)
    return Observed(tuple(texts), ratio, arrays[0][1].extra, arrays[0][1].moved)


def between(reference: np.ndarray, port: np.ndarray) -> str:
    """What is to be seen of two arrays alone, in one line; nothing, where nothing is."""
    return "; ".join(_seen("", reference, port).sentences)


def beyond_allowed(scene: Scene, name: str) -> bool:
    """Whether the two sides' arrays of this name are further apart than is allowed."""
    return distance(scene.plain[name], scene.port[name]) > scene.allowed.get(name, 0.0)


def _seen(name: str, reference: np.ndarray, port: np.ndarray, calls: Sequence[Call] = ()) -> Observed:
    plain, port = wide(reference), wide(port)
    what = "the port's gradient" if name.startswith("grad") else "the port's"
    if plain.shape != port.shape:
        text = f"{what} has the shape {port.shape}, the reference's {plain.shape}"
        return Observed((text,))
    if text := _not_finite(plain, port):
        return Observed((text,))
    if not port.any() and plain.any():
        return Observed((f"{what} is zero in every entry",), 0.0)
    if plain.dtype != port.dtype:
        kinds = ("complex" if array.dtype.kind == "c" else "real" for array in (port, plain))
        return Observed(("{} is {}, the reference's is {}".format(what, *kinds),))
    if plain.dtype.kind == "c" and (text := _of_complex(plain, port)):
        return Observed((f"{what} is {text}",))
    if (ratio := _ratio(plain, port)) is not None:
        words, known = ratio_words(ratio, calls, plain.shape)
        if plain.size == 1 and not known:  # of one number everything is a multiple
            return Observed(())
        return Observed((f"{what} is {words} times the reference's in every entry",), ratio)
    whole = torch.from_numpy(np.ascontiguousarray(plain))
    for words, move in _moves(plain.shape):
        moved = move(whole).numpy()
        if _same(moved, port) and _nearer(moved, plain, port):
            return Observed((f"{what} is the reference's {words}",), moved=(words, move))
    for words, function in EXTRA.items() if plain.dtype.kind != "c" else ():
        image = function(torch.from_numpy(np.ascontiguousarray(plain))).numpy()
        if np.all(np.isfinite(image)) and _same(image, port) and not _same(image, plain):
            return Observed((f"{what} is {words} of the reference's",), extra=words)
    return Observed(tuple(_regions(plain, port, what)))


def _of_complex(plain: np.ndarray, port: np.ndarray) -> str:
    """What the port's complex numbers are of the reference's; empty where they are nothing that is known."""
    square = np.vdot(plain, plain).real
    turn = np.vdot(plain, port) / square if square else 0.0
    known = {
        "the conjugate of the reference's": np.conj(plain),
        "the real part of the reference's: its imaginary part is zero": plain.real + 0j,
        "the imaginary part of the reference's: its real part is zero": 1j * plain.imag,
        "the reference's with its parts exchanged": plain.imag + 1j * plain.real,
        "the modulus of the reference's": np.abs(plain) + 0j,
    }
    if abs(turn.imag) > UNSEEN * abs(turn):
        angle = np.degrees(np.angle(turn))
        known[f"{abs(turn):.6g} times the reference's, turned by {angle:.6g} degrees"] = turn * plain
    return next((text for text, array in known.items() if _same(array, port) and not _same(array, plain)), "")


def _not_finite(plain: np.ndarray, port: np.ndarray) -> str:
    for word, test in (("NaN", np.isnan), ("infinite", np.isinf)):
        own, other = test(plain), test(port)
        if np.any(own != other):
            many = counted(int(other.sum()), "entry of the port's is", "entries of the port's are")
            return f"{many} {word}, {int(own.sum())} of the reference's"
    return ""


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and distance(one, other) <= UNSEEN * max(size(other), TINY)


def _nearer(made: np.ndarray, plain: np.ndarray, port: np.ndarray) -> bool:
    """Whether one array is the port's and not only as near to it as the reference's own."""
    return distance(made, port) <= NEARER * distance(plain, port)


def _ratio(plain: np.ndarray, port: np.ndarray) -> float | None:
    """c where the port's is c times the reference's; None where no c does or it is 1, or with a single entry 0."""
    square = float(np.vdot(plain, plain).real)
    if not square or not np.isfinite(square):
        return None
    ratio = float(np.vdot(plain, port).real) / square
    return ratio if _same(ratio * plain, port) and abs(ratio - 1) > UNSEEN and plain.size else None


def ratio_words(ratio: float, calls: Sequence[Call], shape: tuple[int, ...]) -> tuple[str, bool]:
    """The ratio with what it is in terms of the sizes around, "0.125 (1 / sqrt(64))", and whether it is anything."""
    words = list(_terms(ratio, calls, shape))
    shown = f"{ratio:.{6 if abs(ratio - 1) > NEARLY_ONE else 12}g}"
    if any(abs(ratio - number) < UNSEEN * abs(ratio) for number in (0.5, 2.0, -1.0)):
        return shown, True
    return f"{shown} ({words[0]})" if words and words[0] != shown else shown, bool(words)


def _terms(ratio: float, calls: Sequence[Call], shape: tuple[int, ...]) -> dict[str, float]:
    """What the ratio may be in terms of the sizes around, in words, with the number that these say."""
    sizes = {int(n) for n in shape} | {
        n for call in calls for tensor in tensors_of((call.args, call.result)) for n in tensor.shape
    }
    terms: dict[str, float] = {}
    for n in sorted(n for n in sizes if n > 1):
        terms |= {f"{n}": n, f"1 / {n}": 1 / n, f"sqrt({n})": n**0.5, f"1 / sqrt({n})": n**-0.5}
        terms |= {f"{n} / {n - 1}": n / (n - 1), f"{n - 1} / {n}": (n - 1) / n}
    near = {text: number for text, number in terms.items() if abs(ratio / number - 1) < UNSEEN}
    near |= _of_a_root(ratio)
    sign = "-" if ratio < 0 else ""
    bases = {n: _base(abs(ratio), n) for n in sizes}
    of_bases = {n: base for n, base in bases.items() if base}
    return near | {f"{sign}log({base:g}) / {n}": copysign(log(base) / n, ratio) for n, base in of_bases.items()}


def _of_a_root(ratio: float) -> dict[str, float]:
    """ "1 / sqrt(12)", of a width that no array here has; none where the ratio is no such number, or a plain one."""
    if not 1 / WIDEST < ratio < WIDEST or float(f"{ratio:.{DIGITS}g}") == ratio:
        return {}
    found = {}
    for words, power in (("1 / sqrt({})", -0.5), ("sqrt({})", 0.5)):
        square = ratio ** (1 / power)
        n = round(square)
        if 1 < n < WIDEST and abs(square / n - 1) < UNSEEN:
            found[words.format(n)] = n**power
    return found


def _base(ratio: float, n: int) -> float:
    """The round base of the rotary table exp(-i * ratio) of ``n`` frequencies; 0.0 where there is none."""
    if not 0 < ratio * n < FAR:
        return 0.0
    base = float(f"{exp(ratio * n):.{DIGITS}g}")
    return base if base > THETA and abs(log(base) / n - ratio) <= WRITTEN * ratio else 0.0


def is_written(number: float, scene: Scene) -> bool:
    """Whether somebody may have written the number so, or as something of the sizes around."""
    return float(f"{number:.{DIGITS}g}") == number or ratio_words(number, scene.calls, ())[1]


def known_number(number: float, scene: Scene) -> str:
    """A number with what it is in terms of the sizes around: "0.353553 (1 / sqrt(8))"."""
    return ratio_words(number, scene.calls, ())[0]


def known_exactly(number: float, scene: Scene) -> float:
    """The number that ``known_number`` says, to all its digits: a fitted one lacks the last few."""
    return next(iter(_terms(number, scene.calls, ()).values()), number)


def _moves(shape: tuple[int, ...]) -> Iterator[tuple[str, Move]]:
    """Where the entries of an array of this shape may be instead, in words, and what moves them there, whatever the
    lengths of the axes are then."""
    axes = range(len(shape))
    if len(shape) <= MOST_AXES:
        for order in permutations(axes):
            if order != tuple(axes) and tuple(shape[axis] for axis in order) == shape:
                yield f"with axes {order}", partial(torch.permute, dims=order)
    for axis, length in enumerate(shape):
        if length > 1:
            yield f"flipped along axis {axis}", partial(torch.flip, dims=(axis,))
            for shift in (1, -1):
                yield f"shifted by {shift} along axis {axis}", partial(torch.roll, shifts=shift, dims=axis)
                yield f"shifted by {shift} along axis {axis}, zeros coming in", partial(_pushed, shift, axis)
        for parts, word in ((2, "halves"), (3, "thirds"), (4, "quarters")):
            if length > parts - 1 and length % parts == 0 and length > 2:
                for order in list(permutations(range(parts)))[1:]:
                    yield f"with the {word} along axis {axis} in the order {order}", partial(_blocks, order, axis)
        for groups in GROUPINGS:
            if length % groups == 0 and groups < length:
                inner = length // groups
                words = f"with axis {axis} read as ({inner}, {groups}) for ({groups}, {inner})"
                yield words, partial(_regrouped, groups, axis)
    if len(shape) > 1:
        yield "transposed in memory order", _in_memory


def _blocks(order: tuple[int, ...], axis: int, own: torch.Tensor) -> torch.Tensor:
    parts = own.tensor_split(len(order), axis)
    return torch.cat([parts[place] for place in order], axis)


def _regrouped(groups: int, axis: int, own: torch.Tensor) -> torch.Tensor:
    return own.unflatten(axis, (groups, -1)).transpose(axis, axis + 1).reshape(own.shape)


def _in_memory(own: torch.Tensor) -> torch.Tensor:
    return own.permute(*reversed(range(own.ndim))).reshape(own.shape)


def _pushed(shift: int, axis: int, own: torch.Tensor) -> torch.Tensor:
    kept = own.narrow(axis, 0 if shift > 0 else 1, own.shape[axis] - 1)
    edge = torch.zeros_like(own.narrow(axis, 0, 1))
    return torch.cat((edge, kept) if shift > 0 else (kept, edge), axis)


EXTRA: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "the ReLU": F.relu, "the absolute value": torch.abs, "the tanh": torch.tanh, "the sigmoid": torch.sigmoid,
    "the square": torch.square, "the square root": torch.sqrt, "the exponential": torch.exp, "the logarithm": torch.log,
    "the softmax (last axis)": lambda x: F.softmax(x, -1), "the SiLU": F.silu, "the inverse": torch.reciprocal,
    "the log-softmax (last axis)": lambda x: F.log_softmax(x, -1),
}  # fmt: skip


def _regions(plain: np.ndarray, port: np.ndarray, what: str) -> Iterator[str]:
    difference = np.abs(plain - port)
    scale = size(plain) / max(plain.size, 1) ** 0.5
    largest = float(np.max(difference, initial=0.0))
    differs = difference > max(min(UNSEEN * scale, NEARER * largest), ROUNDED * scale, TINY)
    own, theirs = np.sort(plain.ravel()), np.sort(port.ravel())
    if differs.any() and _same(own, theirs) and distance(own, theirs) <= NEARER * distance(plain, port):
        yield "the values are the same, in another order"
    if not differs.any() or differs.all():
        uneven = float(np.abs(port - plain - (port - plain).flat[0]).max())
        if differs.any() and uneven <= min(UNSEEN * scale, NEARER * largest):
            yield f"{what} is the reference's plus {(port - plain).flat[0]:.6g} in every entry"
        return
    yield f"{int(differs.sum())} of {differs.size} entries {'differs' if differs.sum() == 1 else 'differ'}"
    for axis in range(plain.ndim):
        places = np.flatnonzero(differs.any(axis=tuple(other for other in range(plain.ndim) if other != axis)))
        length = plain.shape[axis]
        if len(places) < length and length > 1:
            yield f"they differ only at {_places(places, length)} of axis {axis}"
    for text, holds in (
        ("where the reference's is negative", plain.real < 0),
        ("where the reference's is positive", plain.real > 0),
        ("where the reference's is zero", plain == 0),
        ("where the port's is zero", port == 0),
    ):
        if np.array_equal(holds, differs):
            yield f"they differ exactly {text}"
    inside, outside = np.abs(plain)[differs], np.abs(plain)[~differs]
    if inside.min() > outside.max():
        yield f"they differ only where the reference's is above {outside.max():.3g} in magnitude"


def _places(places: np.ndarray, length: int) -> str:
    if len(places) == 1:
        return {0: "the first entry", length - 1: "the last entry"}.get(int(places[0]), f"entry {places[0]}")
    if set(places) <= {0, length - 1}:
        return "the border"
    if np.array_equal(places, np.arange(places[0], places[-1] + 1)):
        return f"entries {places[0]} to {places[-1]}"
    shown = ", ".join(str(int(place)) for place in places[:LISTED])
    return f"entries {shown}" + (", ..." if len(places) > LISTED else "")
