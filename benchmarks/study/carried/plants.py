"""Wrong conversions, as porters make them: each changes one array of a right one, and is to be called by its name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import ml_dtypes
import numpy as np

from benchmarks.study.carried.forms import Arrays, Case

Fault = Callable[[np.ndarray], "np.ndarray | None"]


@dataclass(frozen=True)
class Plant:
    """A wrong conversion.

    Attributes:
        name: what was done; path: the array.
        given: what came of it; None where the array is not there.
        kinds: what the judge may call it; words: what stands in its text, one of them.
    """

    name: str
    path: str
    given: np.ndarray | None
    kinds: tuple[str, ...]
    words: tuple[str, ...] = ("",)


def planted(case: Case, right: Arrays, source: Arrays, rng: np.random.Generator) -> Iterator[Plant]:
    """Every wrong conversion that has a place in a case, each in one array that is drawn.

    Args:
        right: the port's arrays by path; source: the reference's by name.
    """
    matrices = [path for path, array in right.items() if array.ndim == 2 and min(array.shape) > 1]
    plain = [path for path in matrices if path not in case.packed]
    square = [path for path in plain if right[path].shape[0] == right[path].shape[1]]
    oblong = [path for path in plain if right[path].shape[0] != right[path].shape[1]]
    vectors = [path for path, array in right.items() if array.ndim == 1 and array.size > 2]
    every = [path for path, array in right.items() if array.size > 2]

    def of(paths: Sequence[str], name: str, how: Fault, *kinds: str, words: tuple[str, ...] = ("",)) -> Iterator[Plant]:
        if paths:
            path = paths[int(rng.integers(len(paths)))]
            given = how(right[path])
            if given is None or given.shape != right[path].shape or not np.array_equal(given, right[path]):
                yield Plant(name, path, given, kinds, words)

    def noisy(k: np.ndarray) -> np.ndarray:
        return k + np.float32(1e-3) * rng.standard_normal(k.shape).astype(np.float32)

    def low(k: np.ndarray) -> np.ndarray:
        return k.T.astype(ml_dtypes.bfloat16).astype(np.float32)

    several = [path for path in matrices if right[path].shape[0] > 2]
    yield from of(square, "a square matrix not transposed", np.transpose, "transposed")
    yield from of(oblong, "a matrix not transposed", np.transpose, "transposed")
    yield from of(oblong, "reshaped for transposed", lambda k: k.T.reshape(k.shape), "transposed", words=("reshaped",))
    yield from of(several, "rows shifted by one", lambda k: np.roll(k, -1, 0), "permuted", words=("shifted",))
    yield from of(matrices, "an axis of one more", lambda k: k[None], "reshaped")
    yield from of(matrices, "noise on it", noisy, "another value")
    yield from of(every, "doubled", lambda k: 2 * k, "scaled", words=("by 2",))
    yield from of(every, "the opposite sign", lambda k: -k, "scaled", words=("opposite sign",))
    yield from of(every, "one added", lambda k: k + np.float32(1), "scaled", words=("1 added",))
    yield from of(
        matrices, "an attention's scale folded in", lambda k: k / np.float32(np.sqrt(8)), "scaled",
        words=("1/sqrt(8)",),
    )  # fmt: skip
    yield from of(every, "all zero", np.zeros_like, "constant", words=("all 0",))
    yield from of(vectors, "left at one", np.ones_like, "constant", words=("all 1",))
    yield from of(every, "missing", lambda k: None, "missing")
    yield from of(matrices, "transposed, in bfloat16", low, "transposed", words=("bfloat16",))
    yield from _exchanged(right, rng)
    yield from of(case.stacked, "layers in the opposite order", lambda k: k[::-1], "permuted")
    part = {"words": ("part",)}
    yield from of(
        case.stacked, "one layer in every place", lambda k: np.stack([k[0]] * len(k)), "another line's", **part
    )
    yield from of(case.stacked, "a layer of zeros", lambda k: np.concatenate([k[:-1], 0 * k[-1:]]), "constant", **part)
    yield from of(
        [path for path in case.stacked if right[path].shape[1] == right[path].shape[2]], "one layer not transposed",
        lambda k: np.concatenate([k[:-1], k[-1:].swapaxes(1, 2)]), "transposed", **part,
    )  # fmt: skip
    for path, count in case.packed.items():
        yield from of([path], "what is packed in another order", partial(_blocks, count=count), "permuted")
        yield from of([path], "what is packed for each entry", partial(_interleaved, count=count), "permuted")
    for path, sizes in case.heads.items():
        yield from of([path], "heads and widths exchanged", partial(_of_heads, sizes=sizes), "permuted")
    for path, names in case.summed.items():
        first, second = (source[name] for name in names)
        for name, only in (("the second of a sum left out", first), ("the first of a sum left out", second)):
            yield from of([path], name, partial(_in_order, whole=first + second, part=only), "summand")
    yield from of(
        case.forget, "the forget gate's 1 not taken off", partial(_with_one, source=source), "another value",
        words=("entries are others: with 1 added",),
    )  # fmt: skip
    yield from of(
        case.flat, "flattened as torch does", lambda k: source["head.weight"].T, "permuted",
        words=("(C, H, W) for (H, W, C)",),
    )  # fmt: skip
    yield from of(case.kernels, "a kernel turned round", lambda k: k[::-1, ::-1], "permuted", words=("back to front",))
    yield from of(case.kernels, "a kernel's height and width exchanged", lambda k: k.swapaxes(0, 1), "transposed")
    yield from of(case.kernels, "a kernel as torch stores it", lambda k: source["conv.weight"], "transposed")
    yield from of(case.kernels, "BGR for RGB", lambda k: k[:, :, ::-1], "permuted")
    means = [path for path in right if path.endswith("/mean")]
    yield from of(means, "variance for mean", lambda k: right[means[0].replace("/mean", "/var")], "another line's")


def _exchanged(right: Arrays, rng: np.random.Generator) -> Iterator[Plant]:
    """One layer's array in another's place."""
    paths = [
        (one, other)
        for one in right for other in right
        if one != other and right[one].shape == right[other].shape and right[one].size > 2
    ]  # fmt: skip
    if paths:
        one, other = paths[int(rng.integers(len(paths)))]
        yield Plant("another layer's", one, right[other], ("another line's",), (f"{other}'s",))


def _blocks(array: np.ndarray, count: int) -> np.ndarray:
    parts = np.split(array, count, -1)
    return np.concatenate([*parts[1:], parts[0]], -1)


def _interleaved(array: np.ndarray, count: int) -> np.ndarray:
    return array.reshape(*array.shape[:-1], count, -1).swapaxes(-1, -2).reshape(array.shape)


def _of_heads(array: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
    return array.reshape(*sizes, -1).swapaxes(0, 1).reshape(array.shape)


def _in_order(right: np.ndarray, whole: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The entries of ``part`` as those of ``whole`` lie in ``right``."""
    places = {value: at for at, value in enumerate(whole.tolist())}
    return part[[places[value] for value in right.tolist()]]


def _with_one(right: np.ndarray, source: Arrays) -> np.ndarray:
    """The bias as it is without anything taken off."""
    whole = {*(source["rnn.bias_ih_l0"] + source["rnn.bias_hh_l0"]).tolist()}
    return np.array([value if value in whole else value + np.float32(1) for value in right.tolist()], right.dtype)
