"""Wrong conversions, each planted in one array and named; right ones, of which none is accused."""

from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

from compare.arrays.arrays import Arrays
from compare.arrays.views import AS_IS, View, reshaped, transposed
from compare.errors import UsageError
from compare.weights.entry import Entry
from compare.weights.own.own_weights import OwnValues, OwnWeights, own_weights
from compare.weights.weights import WeightMap

C, H, W = 8, 6, 6
FLAT = View((("reshape", (10, C, H * W)), ("transpose", (2, 1, 0))))
SHAPES = {
    "conv.weight": (C, 3, 3, 3), "conv.bias": (C,), "head.weight": (10, C * H * W), "head.bias": (10,),
    "one.weight": (12, 12), "one.bias": (12,), "two.weight": (12, 12), "two.bias": (12,), "wide.weight": (24, 16),
    "norm.weight": (12,), "norm.running_mean": (12,), "norm.running_var": (12,), "emb.weight": (20, 6),
    "attn.in_proj_weight": (36, 12), "attn.out.weight": (12, 12), "lstm.weight_ih": (20, 7), "lstm.bias_ih": (20,),
    "lstm.bias_hh": (20,), "zero.bias": (5,),
}  # fmt: skip
MAP = WeightMap(
    Entry("conv.weight", "params/conv/kernel", transposed(2, 3, 1, 0)),
    Entry("conv.bias", "params/conv/bias"),
    Entry("head.weight", "params/head/kernel", FLAT, reshaped(H * W, C, 10), flattened=("(C, H, W)", "(H, W, C)")),
    Entry("head.bias", "params/head/bias"),
    *(Entry(f"{name}.weight", f"params/{name}/kernel", transposed(1, 0)) for name in ("one", "two", "wide")),
    *(Entry(f"{name}.bias", f"params/{name}/bias") for name in ("one", "two", "zero")),
    Entry("norm.weight", "params/norm/scale"),
    Entry("norm.running_mean", "batch_stats/norm/mean"),
    Entry("norm.running_var", "batch_stats/norm/var"),
    Entry("emb.weight", "params/emb/embedding"),
    Entry("attn.in_proj_weight", "params/attn/qkv/kernel", transposed(1, 0)),
    Entry("attn.out.weight", "params/attn/out/kernel", View((("reshape", (12, 3, 4)), ("transpose", (1, 2, 0))))),
    Entry("lstm.weight_ih", "params/lstm/weight_ih"),
    Entry("lstm.bias_ih", "params/lstm/bias"),
    Entry("lstm.bias_hh", "params/lstm/bias", summed=True),
)
LEAVES = {
    "params/conv/kernel": (3, 3, 3, C), "params/conv/bias": (C,), "params/head/kernel": (C * H * W, 10),
    "params/head/bias": (10,), "params/one/kernel": (12, 12), "params/two/kernel": (12, 12),
    "params/wide/kernel": (16, 24), "params/one/bias": (12,), "params/two/bias": (12,), "params/zero/bias": (5,),
    "params/norm/scale": (12,), "batch_stats/norm/mean": (12,), "batch_stats/norm/var": (12,),
    "params/emb/embedding": (20, 6), "params/attn/qkv/kernel": (12, 36), "params/attn/out/kernel": (3, 4, 12),
    "params/lstm/weight_ih": (20, 7), "params/lstm/bias": (20,),
}  # fmt: skip


def drawn() -> Arrays:
    rng = np.random.default_rng(7)
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    arrays["norm.running_var"] = np.square(arrays["norm.running_var"]) + np.float32(0.1)
    arrays["zero.bias"][...] = 0
    return arrays


RIGHT = drawn()
CONVERTED = MAP.to_port(RIGHT, LEAVES)


def judge(port: Arrays, reference: Arrays = RIGHT, **options: object) -> OwnWeights:
    return own_weights(MAP, OwnValues(reference, port, SHAPES, LEAVES), **options)  # type: ignore[arg-type]


def to(dtype: object) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: array.astype(dtype)  # type: ignore[call-overload]


def blocks(count: int, order: list[int], axis: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """The blocks of an axis in another order."""
    return lambda array: np.concatenate([np.split(array, count, axis)[place] for place in order], axis)


def heads(array: np.ndarray) -> np.ndarray:
    """(3 heads, 4 wide) laid as (4, 3)."""
    return array.reshape(12, 3, 3, 4).swapaxes(2, 3).reshape(12, 36)


def noisy(array: np.ndarray) -> np.ndarray:
    return array + np.float32(1e-3) * np.cos(np.arange(array.size, dtype=np.float32)).reshape(array.shape)


def shuffled(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(3).permutation(array.ravel()).reshape(array.shape)


KERNEL, HEAD, SQUARE, WIDE = (f"params/{name}/kernel" for name in ("conv", "head", "one", "wide"))
QKV, OUT, LSTM, BIAS, EMB = (
    "params/attn/qkv/kernel", "params/attn/out/kernel", "params/lstm/weight_ih", "params/lstm/bias",
    "params/emb/embedding",
)  # fmt: skip
MEAN, VAR, SCALE = "batch_stats/norm/mean", "batch_stats/norm/var", "params/norm/scale"
Fault = Callable[[np.ndarray], np.ndarray]

# (what was done, the array, how, what it is called, words in which it is said)
FAULTS: list[tuple[str, str, Fault, str, str]] = [
    ("a square kernel transposed", SQUARE, np.transpose, "transposed", ""),
    ("a wide kernel not transposed", WIDE, np.transpose, "transposed", ""),
    ("a wide kernel reshaped for transposed", WIDE, lambda k: k.T.reshape(k.shape), "transposed", "reshaped"),
    ("flattened as torch does", HEAD, lambda k: RIGHT["head.weight"].T, "permuted", "(C, H, W) for (H, W, C)"),
    ("height and width exchanged", HEAD, lambda k: k.reshape(H, W, C, 10).swapaxes(0, 1).reshape(k.shape),
     "permuted", "rows in the order"),
    ("a convolution's kernel as torch stores it", KERNEL, lambda k: RIGHT["conv.weight"], "transposed", "(3, 2, 0, 1)"),
    ("a convolution's kernel reshaped", KERNEL, lambda k: RIGHT["conv.weight"].reshape(k.shape), "transposed",
     "reshaped where its axes have to be moved"),
    ("a convolution's height and width exchanged", KERNEL, lambda k: k.swapaxes(0, 1), "transposed", "(1, 0, 2, 3)"),
    ("a convolution's kernel turned round", KERNEL, lambda k: k[::-1, ::-1], "permuted", "from back to front"),
    ("the channels of an image, BGR for RGB", KERNEL, lambda k: k[:, :, ::-1],
     "permuted", "axis 2 from back to front"),
    ("heads and widths exchanged", QKV, heads, "permuted", "(a, c, b) for (a, b, c) of the sizes (3, 3, 4)"),
    ("q, k, v packed as q, v, k", QKV, blocks(3, [0, 2, 1], 1),
     "permuted", "columns: 3 blocks of 12 in the order (0, 2, 1)"),
    ("q, k, v packed for each head", QKV, lambda k: k.reshape(12, 3, 3, 4).swapaxes(1, 2).reshape(12, 36), "permuted",
     "columns in the order (b, a, c) for (a, b, c) of the sizes (3, 3, 4)"),
    ("gates i, f, o, g for i, f, g, o", LSTM, blocks(4, [0, 1, 3, 2]),
     "permuted", "4 blocks of 5 in the order (0, 1, 3, 2)"),
    ("gates interleaved", LSTM, lambda k: k.reshape(4, 5, 7).swapaxes(0, 1).reshape(20, 7),
     "permuted", "(5, 4) for (4, 5)"),
    ("the gates of a bias", BIAS, blocks(4, [1, 0, 2, 3]), "permuted", "4 blocks of 5 in the order (1, 0, 2, 3)"),
    ("a recurrent bias without the second", BIAS, lambda k: RIGHT["lstm.bias_ih"], "summand", "without lstm.bias_hh"),
    ("a recurrent bias without the first", BIAS, lambda k: RIGHT["lstm.bias_hh"], "summand", "without lstm.bias_ih"),
    ("two layers exchanged", SQUARE, lambda k: CONVERTED["params/two/kernel"], "another line's", "params/two/kernel's"),
    ("another layer's, transposed", SQUARE, lambda k: CONVERTED["params/two/kernel"].T, "another line's",
     "params/two/kernel's, transposed"),
    ("another layer's, rounded", SQUARE, lambda k: CONVERTED["params/two/kernel"].astype(np.float16), "another line's",
     "params/two/kernel's, rounded to float16"),
    ("another layer's bias", "params/one/bias", lambda k: CONVERTED["params/two/bias"],
     "another line's", "params/two/bias's"),
    ("mean for variance", VAR, lambda k: CONVERTED[MEAN], "another line's", "batch_stats/norm/mean's"),
    ("variance for mean", MEAN, lambda k: CONVERTED[VAR], "another line's", "batch_stats/norm/var's"),
    ("doubled", WIDE, lambda k: 2 * k, "scaled", "scaled by 2"),
    ("an attention's scale folded in", QKV, lambda k: k / np.float32(np.sqrt(8)), "scaled", "scaled by 1/sqrt(8)"),
    ("the sign", WIDE, lambda k: -k, "scaled", "with the opposite sign"),
    ("one taken off", SCALE, lambda k: k - 1, "scaled", "with -1 added"),
    ("a scale left at its start", SCALE, np.ones_like, "constant", "all 1"),
    ("a kernel of zeros", WIDE, np.zeros_like, "constant", "all 0"),
    ("an embedding's rows, one up", EMB, lambda k: np.concatenate([k[1:], k[:1]]), "permuted", "rows shifted by 1 up"),
    ("an embedding's rows, one lost", EMB, lambda k: np.concatenate([np.zeros_like(k[:1]), k[:-1]]), "another value",
     "rows: shifted by 1 down, and 1 of 20 others"),
    ("an embedding's padding row", EMB, lambda k: np.concatenate([0 * k[:1], k[1:]]),
     "another value", "1 of 20 rows are others"),
    ("another vocabulary", EMB, lambda k: k[:-2], "another value", "of the shape (18, 6) for (20, 6)"),
    ("its entries shuffled", WIDE, shuffled, "permuted", "the same values in an order of no form"),
    ("noise", WIDE, noisy, "another value", "relative difference"),
    ("an overflow", WIDE, lambda k: np.where(k == k.max(), np.inf, k),
     "another value", "1 of 384 entries are not finite"),
    ("the axes of heads exchanged", OUT, lambda k: RIGHT["attn.out.weight"].reshape(3, 4, 12),
     "transposed", "reshaped"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "leaf", "fault", "kind", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_wrong_conversion_is_named(what, leaf, fault, kind, words):
    """In the array that was changed, and in no other."""
    found = judge(CONVERTED | {leaf: np.ascontiguousarray(fault(CONVERTED[leaf]))})
    assert [(line.name, line.kind) for line in found.wrong] == [(leaf, kind)]
    assert words in found.wrong[0].text
    assert leaf in found.answer


ROUNDED_TOO = [
    fault for fault in FAULTS if fault[3] in ("transposed", "permuted", "another line's") or fault[0] == "doubled"
]


@pytest.mark.parametrize(("what", "leaf", "fault", "kind", "words"), ROUNDED_TOO, ids=[one[0] for one in ROUNDED_TOO])
def test_it_is_named_where_all_is_rounded_too(what, leaf, fault, kind, words):
    """Rounded values repeat themselves, so that no entry tells where it comes from."""
    changed = CONVERTED | {leaf: np.ascontiguousarray(fault(CONVERTED[leaf]))}
    found = judge({path: array.astype(ml_dtypes.bfloat16).astype(np.float32) for path, array in changed.items()})
    if "rounded to float16" not in words:
        assert [(line.name, line.kind) for line in found.wrong] == [(leaf, kind)]
        assert words in found.wrong[0].text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda array: array, ""),
        (to(np.float64), ""),
        (to(np.float16), "to float16"),
        (to(ml_dtypes.bfloat16), "to bfloat16"),
        (lambda array: array.astype(np.float16).astype(np.float32), "to float16"),
        (lambda array: (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32), "to bfloat16 by cutting off"),
        (lambda array: np.nextafter(array, np.float32(9)), "to float32, to its last place"),
    ],
)
def test_a_right_conversion_is_not_accused(change, words):
    """As it is, wider, and rounded, whatever it is held in."""
    found = judge({path: change(array) for path, array in CONVERTED.items()})
    assert found.right
    assert not found.wrong
    assert {line.text for line in found.lines if line.tells} == {words}


def test_a_constant_that_a_rounding_would_make_too():
    """Scales near 1, all 1: left at their start; where everything else was rounded so, they were as well."""
    near = RIGHT | {"norm.weight": np.linspace(0.999, 1.001, 12, dtype=np.float32)}
    port = MAP.to_port(near, LEAVES)
    found = judge(port | {SCALE: np.ones(12, np.float32)}, near)
    assert [(line.name, line.words) for line in found.wrong] == [(SCALE, "constant: all 1")]
    low = {path: array.astype(ml_dtypes.bfloat16).astype(np.float32) for path, array in port.items()}
    assert low[SCALE].min() == low[SCALE].max() == 1
    assert judge(low, near).right
    found = judge({path: array.astype(np.float16) for path, array in port.items()} | {SCALE: low[SCALE]}, near)
    assert [(line.name, line.words) for line in found.wrong] == [(SCALE, "constant: all 1")]


def test_a_missing_array_is_missing():
    found = judge({path: array for path, array in CONVERTED.items() if path != SCALE})
    assert [(line.name, line.kind) for line in found.wrong] == [(SCALE, "missing")]


def test_weights_that_have_nothing_to_do_with_the_originals_are_not_judged():
    """Constants that happen to agree tell nothing; where it was asked for, it counts."""
    rng = np.random.default_rng(1)
    strange = {path: rng.standard_normal(shape) for path, shape in LEAVES.items()} | {"params/zero/bias": np.zeros(5)}
    found = judge(strange, asked=True)
    assert (found.judged, found.right, found.failed, found.wrong) == (False, False, True, ())
    assert found.answer == "not judged: the port's own weights are not the reference's"
    assert not judge(strange).failed


def test_constants_alone_are_right_where_all_of_them_are_equal():
    """A fresh batch norm: zeros and ones on both sides. One that differs leaves nothing to tell whose they are."""
    names = {"w": "params/scale", "b": "params/bias"}
    fresh = WeightMap(Entry(name, path) for name, path in names.items())
    shapes, leaves = dict.fromkeys(names, (6,)), dict.fromkeys(names.values(), (6,))
    ones, zeros = np.ones(6, np.float32), np.zeros(6, np.float32)

    def judged(scale: np.ndarray) -> OwnWeights:
        port = {"params/scale": scale, "params/bias": zeros}
        return own_weights(fresh, OwnValues({"w": ones, "b": zeros}, port, shapes, leaves), asked=True)

    assert judged(ones).right
    assert (
        judged(ones).answer == "the port's own weights are the reference's: 2 arrays, all of them constants and equal"
    )
    assert judged(zeros).failed
    assert judged(zeros).answer.startswith("not judged")


def test_what_the_map_is_not_sure_of_is_not_wrong():
    """A square kernel transposed: the map may have it the wrong way round. Another one counts as ever."""
    port = CONVERTED | {SQUARE: CONVERTED[SQUARE].T}
    found = own_weights(MAP, OwnValues(RIGHT, port, SHAPES, LEAVES, doubted=("one.weight",)), asked=True)
    assert (found.right, found.wrong, [line.name for line in found.unsure]) == (True, (), [SQUARE])
    assert found.answer.endswith(f"arrays, 1 of them not sure, first {SQUARE}")
    assert found.unsure[0].words == "not sure, as its line of the map is not: transposed"
    port["params/two/bias"] = 2 * port["params/two/bias"]
    found = own_weights(MAP, OwnValues(RIGHT, port, SHAPES, LEAVES, doubted=("one.weight",)), asked=True)
    assert [line.name for line in found.wrong] == ["params/two/bias"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_other_direction_takes_any_way_to_part_a_sum(share):
    """Of the port's one bias the reference holds two, of which the sum alone matters."""
    back = MAP.to_reference(CONVERTED, SHAPES, values=True)
    whole = CONVERTED[BIAS]
    back["lstm.bias_ih"], back["lstm.bias_hh"] = np.float32(share) * whole, np.float32(1 - share) * whole
    found = judge(CONVERTED, back, original="port")
    assert found.right
    assert found.side == "reference"


def test_the_other_direction_names_what_the_references_loader_did():
    """The same flatten order, from the other side."""
    back = MAP.to_reference(CONVERTED, SHAPES, values=True)
    back["head.weight"] = np.ascontiguousarray(CONVERTED[HEAD].T)
    back["two.weight"] = back["two.weight"].T
    found = judge(CONVERTED, back, original="port")
    assert [(line.name, line.kind, line.text) for line in found.wrong] == [
        ("head.weight", "permuted", "columns in the order (H, W, C) for (C, H, W)"),
        ("two.weight", "transposed", "transposed"),
    ]
    assert "of the reference are not what the port's weights make them" in found.answer


def test_an_original_that_is_a_rounding_of_what_is_judged_accuses_nobody():
    """A checkpoint in float16 beside the weights that it was made from."""
    low = {name: array.astype(np.float16) for name, array in RIGHT.items() if "lstm.bias" not in name}
    found = judge(CONVERTED, RIGHT | low)
    assert found.right
    assert {line.text for line in found.lines if line.text} == {"on the other side, to float16"}


def test_an_original_that_lacks_an_array_is_refused():
    with pytest.raises(UsageError, match=r"^weights: the reference's own have no one\.bias"):
        judge(CONVERTED, {name: array for name, array in RIGHT.items() if name != "one.bias"})
    with pytest.raises(UsageError, match=r"one\.bias of the reference's own is \(3,\), the model's is \(12,\)"):
        judge(CONVERTED, RIGHT | {"one.bias": np.zeros(3)})


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda q, k, v: (q, k.T, v), "transposed", "the part from k: transposed"),
        (lambda q, k, v: (q, k, 2 * v), "scaled", "the part from v: scaled by 2"),
        (lambda q, k, v: (q.T, k.T, v.T), "transposed", "the part from q: transposed; the part from k: transposed"),
        (lambda q, k, v: (q, k + v**2, v), "another value", "the part from k: another value"),
        (lambda q, k, v: (q**2, k**2, v**2), "another value", "another value: relative difference"),
        (lambda q, k, v: (v, q, k), "permuted", "permuted: columns in the order (v, q, k) for (q, k, v)"),
    ],
)
def test_of_what_is_put_together_the_part_is_named(change, kind, words):
    """Three kernels as one: each is looked at where the whole says nothing."""
    rng = np.random.default_rng(4)
    arrays = {name: rng.standard_normal((6, 6)) for name in "qkv"}
    views = [View((("slice", (1, 6 * at, 6 * at + 6)),)) for at in range(3)]
    packed = WeightMap(Entry(name, "params/qkv", port_view=view) for name, view in zip("qkv", views, strict=True))
    given = np.concatenate(change(*arrays.values()), 1)
    values = OwnValues(arrays, {"params/qkv": given}, dict.fromkeys("qkv", (6, 6)), {"params/qkv": (6, 18)})
    found = own_weights(packed, values).lines[0]
    assert found.kind == kind
    assert words in found.words


def test_complex_weights_are_known_by_their_parts():
    rng = np.random.default_rng(2)
    weight = (rng.standard_normal((4, 6)) + 1j * rng.standard_normal((4, 6))).astype(np.complex64)
    weight_map = WeightMap(Entry("w", "params/w", AS_IS))

    def kind(given):
        values = OwnValues({"w": weight}, {"params/w": given}, {"w": (4, 6)}, {"params/w": (4, 6)})
        return own_weights(weight_map, values).lines[0].kind

    assert [kind(weight), kind(2 * weight), kind(weight[::-1])] == ["equal", "scaled", "permuted"]


def test_complex_parts_that_are_packed():
    """As of real ones, but for their names: the order is that of blocks."""
    rng = np.random.default_rng(2)
    arrays = {name: rng.standard_normal((4, 6)) + 1j * rng.standard_normal((4, 6)) for name in "ab"}
    views = [reshaped(2, 4, 6).then("index", (0, at)) for at in range(2)]
    packed = WeightMap(Entry(name, "params/w", port_view=view) for name, view in zip("ab", views, strict=True))
    given = np.concatenate([arrays["b"], arrays["a"]])
    values = OwnValues(arrays, {"params/w": given}, dict.fromkeys("ab", (4, 6)), {"params/w": (8, 6)})
    assert own_weights(packed, values).lines[0].words == "permuted: axis 0: 2 blocks of 4 in the order (1, 0)"


ODD = {
    "no axes": np.float32(3.0), "empty": np.zeros((0, 4)), "not finite": np.array([[np.nan, np.inf], [-np.inf, 1.0]]),
    "huge": np.array([[1e38, -1e38], [3e38, 1.0]], np.float32), "tiny": np.full((2, 2), 1e-45, np.float32),
    "integers": np.arange(4).reshape(2, 2), "flags": np.eye(2, dtype=bool), "complex": np.array([[1j, 2], [0, np.nan]]),
    "float8": np.eye(2).astype(ml_dtypes.float8_e4m3fn), "five axes": np.ones((1, 2, 1, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("right", ODD)
@pytest.mark.parametrize("given", ODD)
def test_whatever_comes_is_something(right, given):
    """Warnings are errors here; the same is the same, whatever it is."""
    expected, own = np.asarray(ODD[right]), np.asarray(ODD[given])
    values = OwnValues({"w": expected}, {"params/w": own}, {"w": expected.shape}, {"params/w": expected.shape})
    line = own_weights(WeightMap(Entry("w", "params/w")), values).lines[0]
    assert line.words
    assert line.right or right != given


def test_a_sum_of_three_is_right_in_either_order():
    """Where something is taken off a sum, what is near to 0 has no digits left to be held to."""
    weight_map = WeightMap(Entry("ih", "params/b", offset=-1.0), Entry("hh", "params/b", summed=True))
    ih = np.array([0.3, 0.7, 2.1], np.float32)
    hh = np.float32(1) - ih + np.array([1e-4, 0.3, -3e-3], np.float32)
    values = {"reference": {"ih": ih, "hh": hh}, "shapes": {"ih": (3,), "hh": (3,)}, "leaves": {"params/b": (3,)}}
    theirs = (ih + hh) - np.float32(1)
    ours = weight_map.to_port({"ih": ih, "hh": hh}, {"params/b": (3,)})["params/b"]
    assert not np.array_equal(theirs, ours)
    (line,) = own_weights(weight_map, OwnValues(port={"params/b": theirs}, **values)).lines
    assert (line.kind, line.right, line.tells) == ("rounded", True, True)
    (line,) = own_weights(weight_map, OwnValues(port={"params/b": theirs}, **values), "port").lines[:1]
    assert line.right
    (line,) = own_weights(weight_map, OwnValues(port={"params/b": theirs + np.float32(1)}, **values)).lines
    assert (line.right, line.words) == (False, "with 1 added")
