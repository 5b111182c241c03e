"""The weight map: there and back without a bit lost, and strict both ways."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Pair, verify
from compare.arrays.views import AS_IS, View, reshaped, transposed
from compare.errors import UsageError
from compare.pair.drawing import uniform_fan_in
from compare.weights.entry import Entry, Sum, linear, same
from compare.weights.weights import WeightMap

SHAPES = {"net.1.weight": (5, 7), "net.1.bias": (5,), "net.3.weight": (5, 5), "net.3.bias": (5,)}
LEAVES = {
    "params/Dense_0/kernel": (7, 5),
    "params/Dense_0/bias": (5,),
    "params/block/Dense_1/kernel": (5, 5),
    "params/block/Dense_1/bias": (5,),
}
MAP = WeightMap(linear("net.1", "Dense_0"), linear("net.3", "block/Dense_1"))

# A packed projection of 3 parts and 2 heads beside three separate ones, and two biases summed into one.
PACKED = WeightMap(
    [
        Entry(
            "qkv",
            f"params/{name}",
            View((("reshape", (3, 2, 2, 4)), ("index", (0, part)))),
            transposed(1, 2, 0),
            "packed",
        )
        for part, name in enumerate("qkv")
    ],
    [Entry("b_ih", "params/b", reason="first"), Entry("b_hh", "params/b", reason="second", summed=True)],
)
PACKED_SHAPES = {"qkv": (12, 4), "b_ih": (3,), "b_hh": (3,)}
PACKED_LEAVES = {"params/q": (4, 2, 2), "params/k": (4, 2, 2), "params/v": (4, 2, 2), "params/b": (3,)}


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    return uniform_fan_in(SHAPES, np.random.default_rng(seed))


def packed() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in PACKED_SHAPES.items()}


@given(st.integers(0, 1 << 30))
def test_there_and_back_is_bit_identical(seed):
    """The two directions are inverse, and the port's arrays are C-contiguous copies."""
    given_ = arrays(seed)
    leaves = MAP.to_port(given_, LEAVES)
    back = MAP.to_reference(leaves, SHAPES)
    assert list(back) == list(given_)
    for name, array in given_.items():
        np.testing.assert_array_equal(back[name], array)
    assert {path: leaf.shape for path, leaf in leaves.items()} == LEAVES
    for name, leaf in leaves.items():
        assert leaf.flags.c_contiguous
        assert not any(np.shares_memory(leaf, array) for array in given_.values()), name


def test_a_square_matrix_is_transposed_because_of_its_layer():
    """Shape alone could not tell: Linear's (out, in) becomes Dense's (in, out)."""
    given_ = arrays()
    leaves = MAP.to_port(given_, LEAVES)
    np.testing.assert_array_equal(leaves["params/block/Dense_1/kernel"], given_["net.3.weight"].T)


def test_one_array_may_be_several_leaves_in_another_layout():
    """A packed projection, part by part: head h of q is rows 2h and 2h + 1 of the first third."""
    given_ = packed()
    leaves = PACKED.to_port(given_, PACKED_LEAVES)
    np.testing.assert_array_equal(leaves["params/k"][:, 1, 0], given_["qkv"][6])
    back = PACKED.to_reference(leaves, PACKED_SHAPES)
    np.testing.assert_array_equal(back["qkv"], given_["qkv"])


def test_of_two_summed_arrays_each_has_the_leafs_gradient_and_the_first_its_value():
    """Values: the leaf is their sum, and comes back as (sum, zeros). Gradients: both get the leaf's."""
    given_ = packed()
    leaves = PACKED.to_port(given_, PACKED_LEAVES)
    np.testing.assert_array_equal(leaves["params/b"], given_["b_ih"] + given_["b_hh"])
    values, gradients = (
        PACKED.to_reference(leaves, PACKED_SHAPES, values=True),
        PACKED.to_reference(leaves, PACKED_SHAPES),
    )
    np.testing.assert_array_equal(values["b_ih"], leaves["params/b"])
    np.testing.assert_array_equal(values["b_hh"], np.zeros(3))
    np.testing.assert_array_equal(gradients["b_ih"], leaves["params/b"])
    np.testing.assert_array_equal(gradients["b_hh"], leaves["params/b"])
    assert PACKED.summed == (Sum("b_ih", AS_IS, "b_hh", AS_IS),)
    assert MAP.summed == ()


def test_leaves_come_in_another_dtype_and_sums_are_exact_even_so():
    """Widened on the way; a sum that float32 does not hold is kept in float64, to be rounded once, by whoever wants."""
    both = WeightMap(
        [Entry("a", "params/b"), Entry("c", "params/b", summed=True), Entry("w", "params/w", transposed(1, 0))]
    )
    arrays = {"a": np.full(2, 1, "f4"), "c": np.full(2, 1e-9, "f4"), "w": np.arange(6, dtype="f4").reshape(2, 3)}
    leaves = {"params/b": (2,), "params/w": (3, 2)}
    for dtype in (np.float64, np.float32):
        made = dict(both.each_to_port(arrays, leaves, dtype, exact=True))
        assert made["params/w"].dtype == dtype
        assert made["params/w"].flags.c_contiguous
        np.testing.assert_array_equal(made["params/w"], arrays["w"].T)
        np.testing.assert_array_equal(made["params/b"], 1 + arrays["c"].astype(np.float64))


def test_two_lines_into_one_leaf_are_its_sum_collected():
    """The same function, in which an optimizer does to the first what it does to the port's one array."""
    given_ = packed()
    before = {name: array.copy() for name, array in given_.items()}
    (one,) = PACKED.summed
    one.collect(given_)
    np.testing.assert_array_equal(given_["b_ih"], before["b_ih"] + before["b_hh"])
    np.testing.assert_array_equal(given_["b_hh"], np.zeros(3))
    np.testing.assert_array_equal(PACKED.to_port(given_, PACKED_LEAVES)["params/b"], before["b_ih"] + before["b_hh"])
    np.testing.assert_array_equal(one.kept((3,)), np.zeros(3))


def test_only_the_lines_whose_leaf_is_there_come_back():
    """Running statistics alone, say."""
    back = MAP.to_reference({"params/Dense_0/bias": np.arange(5.0)}, SHAPES)
    assert list(back) == ["net.1.bias"]


@pytest.mark.parametrize(
    "change", [lambda a: a | {"net.5.weight": a["net.1.bias"]}, lambda a: {k: a[k] for k in list(a)[1:]}]
)
def test_nothing_is_left_over_or_missing_in_the_reference(change):
    """An array without an entry, or an entry without its array, is named."""
    for carry in (MAP.to_port, MAP.check):
        with pytest.raises(UsageError, match=r"weight map: net\.[15]\.weight of the reference"):
            carry(change(arrays() if carry == MAP.to_port else SHAPES), LEAVES)


def test_nothing_is_left_over_or_missing_in_the_port():
    """A leaf the map does not know, or one it expects."""
    with pytest.raises(UsageError, match="weight map: params/Dense_9/kernel of the port is in no entry"):
        MAP.check(SHAPES, LEAVES | {"params/Dense_9/kernel": (1,)})
    without = {path: shape for path, shape in LEAVES.items() if path != "params/Dense_0/bias"}
    for carry, given_ in ((MAP.check, SHAPES), (MAP.to_port, arrays())):
        with pytest.raises(UsageError, match="weight map: params/Dense_0/bias of the port does not exist"):
            carry(given_, without)


@pytest.mark.parametrize("wrong", [(5, 7), (7, 6), (7,), (7, 5, 1), (1, 5)])
def test_shapes_are_checked_against_the_port(wrong):
    """The port's own idea of a leaf's shape decides; nothing is broadcast, and the message has both shapes."""
    leaves = LEAVES | {"params/Dense_0/kernel": wrong}
    expected = r"net\.1\.weight is \(7, 5\) in the common layout, params/Dense_0/kernel is \(" + ", ".join(
        map(str, wrong)
    )
    with pytest.raises(UsageError, match=expected):
        MAP.check(SHAPES, leaves)
    with pytest.raises(UsageError, match=expected):
        MAP.to_port(arrays(), leaves)


def part(name: str, start: int, stop: int) -> Entry:
    """Rows ``start`` to ``stop`` of the array ``w``."""
    return Entry("w", f"params/{name}", View((("slice", (0, start, stop)),)), AS_IS, "")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([part("a", 0, 2), part("b", 2, 3)], "the lines of w leaves out 4 of its 16 entries"),
        ([part("a", 0, 2), part("b", 1, 4)], "the lines of w holds twice 4 of its 16 entries"),
        ([part("a", 0, 2)], "the lines of w leaves out 8 of its 16 entries"),
    ],
)
def test_every_entry_is_mapped_once(lines, complaint):
    """Shapes that fit are not enough: a part left out, or taken twice, is counted."""
    stops = {entry.port: entry.reference_view.steps[0][1] for entry in lines}
    leaves = {path: (stop - start, 4) for path, (_, start, stop) in stops.items()}
    with pytest.raises(UsageError, match=complaint):
        WeightMap(lines).check({"w": (4, 4)}, leaves)
    WeightMap([part("a", 0, 2), part("b", 2, 4)]).check({"w": (4, 4)}, {"params/a": (2, 4), "params/b": (2, 4)})


def test_two_lines_into_one_leaf_must_be_said_to_be_summed():
    """A second line into the same leaf would overwrite the first."""
    twice = WeightMap([Entry("a", "params/b"), Entry("c", "params/b")])
    with pytest.raises(UsageError, match="the lines of params/b holds twice 3 of its 3 entries"):
        twice.check({"a": (3,), "c": (3,)}, {"params/b": (3,)})


def test_a_reshape_that_does_not_fit_is_one_clear_line():
    """With the line of the map and both shapes."""
    wrong = WeightMap([Entry("w", "params/w", reshaped(3, 5), AS_IS, "flat")])
    with pytest.raises(UsageError, match=r"weight map: w -> params/w .*shape \(4, 4\) cannot be seen as \(3, 5\)"):
        wrong.check({"w": (4, 4)}, {"params/w": (3, 5)})


def test_checking_takes_no_memory():
    """Shapes alone are held against each other: here of an array that no machine could hold."""
    vast = (1 << 20, 1 << 20)
    WeightMap(linear("fc", "Dense_0")).check(
        {"fc.weight": vast, "fc.bias": (1 << 20,)}, {"params/Dense_0/kernel": vast, "params/Dense_0/bias": (1 << 20,)}
    )


def test_every_line_is_explained():
    """Both names, the layout change, and a reason."""
    lines = WeightMap(linear("fc", "Dense_0"), same("b")).explain()
    assert lines[0] == (
        "fc.weight -> params/Dense_0/kernel (transpose (1, 0): Linear stores (out, in), Dense (in, out))"
    )
    assert len(lines) == 3
    assert all(": " in line for line in lines)
    assert PACKED.explain()[-1] == "b_hh -> params/b (same, added: second)"


def test_a_map_can_be_written_and_read_back():
    """Through JSON, every line as it was."""
    for one in (MAP, PACKED):
        back = WeightMap.from_form(json.loads(json.dumps(one.to_form())))
        assert back.entries == one.entries
        assert back.summed == one.summed


def test_the_map_that_the_guide_writes_by_hand():
    """A port that nothing finds: without the map it is refused in one line that names the way out, with it a match."""
    guide = (Path(__file__).parents[3] / "docs" / "verify-your-port.md").read_text()
    block = re.search(r"<!-- written-map -->\n```python\n(.*?)```", guide, re.DOTALL)
    assert block is not None
    space: dict[str, Any] = {}
    exec(compile(block[1], "guide", "exec"), space)
    assert space["report"].verdict == "match"
    x = np.ones((5, 4), np.float32)
    port = (space["port"], {"first": np.zeros((5, 6)), "second": np.zeros((7, 3))})
    with pytest.raises(UsageError, match=r"^weight map: fc.weight .* has no counterpart .* weight_map=WeightMap"):
        verify(space["Reference"](), port, x, device="cpu", quick=True)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (lambda: WeightMap(["fc.weight"]), "weight map: expected Entry objects, got 'fc.weight'"),
        (lambda: WeightMap(3), "weight map: expected Entry objects, got 3"),
        (lambda: WeightMap(None), "weight map: expected Entry objects, got None"),
        (lambda: Entry("w", "params/w", reason=3), "entry: reason: expected a str, got int"),
        (lambda: Entry("w", "params/w", summed="no"), "entry: summed: expected a bool, got str"),
        (lambda: Entry(None, "params/w"), "entry: reference: expected a str, got NoneType"),
        (lambda: Entry("w", "params/w", port_view=[]), "entry: port_view: expected a View, got list"),
        (lambda: Pair(1, 2, 3, weight_map={"w": "w"}), "weight_map: expected a WeightMap of Entry lines, got a dict"),
    ],
)
def test_what_is_no_map_is_said_where_it_is_written(made, line):
    """One line, before anything runs."""
    with pytest.raises(UsageError, match=f"^{re.escape(line)}$"):
        made()


def test_an_entry_alone_is_a_group():
    """As many as there are."""
    entry = Entry("w", "params/w")
    assert WeightMap(entry, [entry]).entries == (entry, entry)


def test_a_name_that_is_misspelt_is_the_one_that_is_said():
    """And the one that was meant, of those that no line has."""
    shapes = {"fc.weight": (2,), "fc.bias": (2,)}
    lines = WeightMap(Entry("fcc.weight", "params/w"), Entry("fc.bias", "params/b"))
    with pytest.raises(UsageError, match=r"^weight map: fcc.weight of the reference .*: did you mean fc.weight\?$"):
        lines.check(shapes, {"params/w": (2,), "params/b": (2,)})


PARTS = View((("parts", ()),))
REAL, IMAGINARY = (PARTS.then("index", (2, which)) for which in (0, 1))
PLAIN_REAL, PLAIN_IMAGINARY = (AS_IS.then("index", (2, which)) for which in (0, 1))
HELD = {
    "whole": ([Entry("w", "params/w", transposed(1, 0))], {"params/w": ((3, 2), complex)}),
    "in parts": ([Entry("w", "params/w", PARTS)], {"params/w": ((2, 3, 2), float)}),
    "apart": (
        [Entry("w", "params/re", REAL), Entry("w", "params/im", IMAGINARY)],
        {"params/re": ((2, 3), float), "params/im": ((2, 3), float)},
    ),
    "part by part": (
        [Entry("w", "params/w", REAL, PLAIN_REAL), Entry("w", "params/w", IMAGINARY, PLAIN_IMAGINARY)],
        {"params/w": ((2, 3, 2), float)},
    ),
}


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
@pytest.mark.parametrize(("lines", "leaves"), HELD.values(), ids=HELD)
def test_complex_numbers_go_to_their_parts_and_back(lines, leaves, dtype):
    """Whichever way the port holds them; and as gradients do, from the port's to the reference's."""
    weights = WeightMap(lines)
    shapes = {path: shape for path, (shape, _) in leaves.items()}
    array = (np.arange(6).reshape(2, 3) + 1j * np.arange(6, 12).reshape(2, 3)).astype(np.complex64)
    of_complex = {path for path, (_, kind) in leaves.items() if kind is complex}
    weights.check({"w": (2, 3)}, shapes, ({"w"}, of_complex))
    there = dict(weights.each_to_port({"w": array}, shapes, dtype))
    for path, (shape, kind) in leaves.items():
        assert there[path].shape == shape
        assert np.iscomplexobj(there[path]) == (kind is complex)
        assert there[path].dtype.itemsize == np.dtype(dtype or np.float32).itemsize * (2 if kind is complex else 1)
    back = weights.to_reference(there, {"w": (2, 3)})
    assert back["w"].dtype.kind == "c"
    np.testing.assert_array_equal(back["w"], array)


def test_a_reference_in_parts_goes_to_a_port_of_complex_numbers_and_back():
    weights = WeightMap(Entry("w", "params/w", AS_IS, PARTS))
    array = np.arange(12.0).reshape(2, 3, 2)
    weights.check({"w": (2, 3, 2)}, {"params/w": (2, 3)}, ((), {"params/w"}))
    there = weights.to_port({"w": array}, {"params/w": (2, 3)})
    np.testing.assert_array_equal(there["params/w"], array[..., 0] + 1j * array[..., 1])
    np.testing.assert_array_equal(weights.to_reference(there, {"w": array.shape})["w"], array)


@pytest.mark.parametrize(
    ("lines", "of_complex", "complaint"),
    [
        (
            [Entry("w", "params/re")],
            ({"w"}, ()),
            "w is complex, params/re is real: expected both of one",
        ),
        ([Entry("w", "params/re")], ((), {"params/re"}), "w is real, params/re is complex"),
        (
            [Entry("w", "params/re", REAL)],
            ((), ()),
            "w is real: a view of its parts shows",
        ),
        ([Entry("w", "params/re", REAL)], ({"w"}, ()), "the lines of w leaves out 6 of its 6 entries"),
        (
            [Entry("w", "params/re", REAL), Entry("w", "params/im", REAL)],
            ({"w"}, ()),
            "the lines of w leaves out 6 of its 6 entries",
        ),
    ],
    ids=["complex to real", "real to complex", "parts of none", "one part", "one part twice"],
)
def test_a_part_that_is_lost_is_said(lines, of_complex, complaint):
    """Before anything is copied: NumPy would drop it with a warning."""
    leaves = {line.port: (2, 3) for line in lines}
    with pytest.raises(UsageError, match=complaint):
        WeightMap(lines).check({"w": (2, 3)}, leaves, of_complex)


def test_what_a_port_has_more_is_taken_off_on_the_way_back():
    """Of weights; a gradient has none. An oracle's is not rounded to float32."""
    weight_map = WeightMap(
        Entry("a", "params/a", View().then("slice", (0, 0, 2)), View().then("slice", (0, 1, 3)), offset=-1.0),
        Entry("a", "params/a", View().then("slice", (0, 2, 3)), View().then("slice", (0, 0, 1))),
    )
    array = np.array([0.1, 0.2, 0.3], np.float32)
    leaf = weight_map.to_port({"a": array}, {"params/a": (3,)})["params/a"]
    np.testing.assert_array_equal(leaf, array[[2, 0, 1]] - np.array([0, 1, 1], np.float32))
    ((_, exact),) = weight_map.each_to_port({"a": array}, {"params/a": (3,)}, exact=True)
    np.testing.assert_array_equal(exact, array[[2, 0, 1]].astype(float) - [0, 1, 1])
    back = weight_map.to_reference({"params/a": exact}, {"a": (3,)}, values=True)
    np.testing.assert_allclose(back["a"], array.astype(float), rtol=1e-15)
    np.testing.assert_array_equal(weight_map.to_reference({"params/a": exact}, {"a": (3,)})["a"], exact[[1, 2, 0]])
    assert "-1" in weight_map.entries[0].explain()
    assert WeightMap.from_form(weight_map.to_form()).entries == weight_map.entries
