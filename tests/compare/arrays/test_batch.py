"""A batch: any form of inputs becomes named arrays and comes back in its places; what is returned has one name."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import flax.struct
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch, Slot, named_leaves
from compare.errors import UsageError
from compare.verdict.precision import BFLOAT16

A, B = np.arange(6.0).reshape(2, 3), np.arange(4).reshape(2, 2)
ROWS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


FORMS: dict[str, tuple[Any, list[str], Any]] = {
    "one array": (A, ["input0"], ((A,), {})),
    "positional": ((A, B), ["input0", "input1"], ((A, B), {})),
    "keywords": ({"x": A, "mask": B}, ["x", "mask"], ((), {"x": A, "mask": B})),
    "nested": (
        ({"ids": B, "more": [A, (B,)]}, A),
        ["input0.ids", "input0.more.0", "input0.more.1.0", "input1"],
        (({"ids": B, "more": [A, (B,)]}, A), {}),
    ),
    "constants": ({"x": A, "mask": None, "causal": True, "scale": 0.5}, ["x"], None),
    "positional constants": ((A, None, "same"), ["input0"], ((A, None, "same"), {})),
}


def same_nest(left: Any, right: Any) -> bool:
    """Types and arrays alike, in every place."""
    if isinstance(right, dict):
        return left.keys() == right.keys() and all(same_nest(left[key], right[key]) for key in right)
    if isinstance(right, tuple | list):
        pairs = zip(left, right, strict=True)
        return type(left) is type(right) and all(same_nest(a, b) for a, b in pairs)
    return left is right if not isinstance(right, np.ndarray) else np.array_equal(left, right)


@pytest.mark.parametrize(("inputs", "names", "call"), FORMS.values(), ids=FORMS)
def test_every_form_comes_back_as_it_was_written(inputs, names, call):
    """Named for reports, and each array in its place again, dictionaries, tuples, lists and constants included."""
    batch = Batch.of(inputs)
    assert list(batch.inputs) == names
    expected = ((), inputs) if call is None else call
    assert same_nest(batch.call(batch.inputs), expected)


def test_a_sides_own_arrays_take_the_places():
    """Whatever arrays they are: the form is not the arrays."""
    batch = Batch.of(({"a": A}, None), names=("first", "second"))
    assert list(batch.inputs) == ["first.a"]
    assert batch.form == (({"a": Slot("first.a")}, None), {})
    assert batch.call({"first.a": "torch's"}) == (({"a": "torch's"}, None), {})


@pytest.mark.parametrize(
    ("targets", "names"), [(B, ["targets"]), ((B, A), ["target0", "target1"]), ({"y": B, "w": A}, ["y", "w"]), ((), [])]
)
def test_targets_are_named_in_the_losss_order(targets, names):
    """One array, a tuple or a dictionary."""
    assert list(Batch.of(A, targets).targets) == names


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ((), "expected NumPy arrays to feed both models, got an empty tuple"),
        ([], "expected NumPy arrays to feed both models, got an empty list"),
        ({}, "expected NumPy arrays to feed both models, got an empty dictionary"),
        (None, "expected NumPy arrays to feed both models, got builtins.NoneType"),
        ({"flag": True}, "expected NumPy arrays"),
        (torch.float32, "input0 is a torch.dtype: expected an array"),
        (np.array(["a"]), "input0 has dtype <U1: expected floats, complex numbers, integers or booleans"),
        (np.array([None]), "input0 has dtype object"),
    ],
)
def test_what_cannot_be_fed_to_both_is_refused(inputs, complaint):
    """By name, in one line."""
    with pytest.raises(UsageError, match=complaint):
        Batch.of(inputs)


def test_what_enters_is_frozen_and_its_own():
    """A batch is read-only and C-contiguous, and a later change of the user's array does not reach it."""
    own = np.asfortranarray(np.ones((3, 2), np.float32))
    batch = Batch.of(own, np.zeros(3, np.int64))
    for array in (*batch.inputs.values(), *batch.targets.values()):
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    own[:] = 7
    np.testing.assert_array_equal(batch.inputs["input0"], np.ones((3, 2)))


def test_the_axis_of_the_rows_is_each_arrays_own():
    """One for all, by name, or none; an array with fewer axes has none."""
    seq = Batch.of({"x": np.ones((5, 2, 3)), "mask": np.ones((5, 5)), "t": np.ones(2)}, axes={"x": 1, "mask": None})
    assert [seq.axis(name) for name in ("x", "mask", "t")] == [1, None, 0]
    assert seq.rows == 2
    assert Batch.of((A, np.ones(3)), axes=1).axis("input1") is None
    assert (Batch.of(A, axes=None).rows, Batch.of(A).rows) == (0, 2)


def test_rows_are_taken_along_each_arrays_axis():
    """Of every array with a batch axis of that length, and of no other."""
    x, table = np.arange(24.0).reshape(3, 4, 2), np.arange(6.0).reshape(3, 2)
    batch = Batch.of({"x": x, "table": table}, np.arange(4), axes={"x": 1, "table": 0})
    cut = batch.taking(np.array([3, 0]))
    np.testing.assert_array_equal(cut.inputs["x"], x[:, [3, 0]])
    np.testing.assert_array_equal(cut.inputs["table"], table)  # three rows: they are no batch's
    np.testing.assert_array_equal(cut.targets["targets"], [3, 0])
    assert cut.form == batch.form


def test_a_precision_rounds_floats_alone():
    """Integers and booleans stay, and so do names and form."""
    batch = Batch.of({"x": ROWS, "ids": B, "mask": B > 1}, ROWS)
    low = batch.at(BFLOAT16)
    assert (low.inputs["x"].view(np.uint32) & 0xFFFF == 0).all()
    assert (low.targets["targets"].view(np.uint32) & 0xFFFF == 0).all()
    np.testing.assert_array_equal(low.inputs["ids"], B)
    assert low.inputs["mask"].dtype == bool
    assert batch.floating == ["x"]


class Packed(NamedTuple):
    """As many models return their outputs."""

    logits: Any
    extra: Any


@dataclass
class Plain:
    """A plain dataclass, as torch models return."""

    z: Any
    a: Any = None


@flax.struct.dataclass
class Frozen:
    """A pytree dataclass, as Flax models return."""

    z: Any
    a: Any = None


PACKINGS = {
    "bare": (A, {"output": A}),
    "tuple": ((A, B), {"output/0": A, "output/1": B}),
    "list of one": ([A], {"output/0": A}),
    "named tuple": (Packed(A, B), {"output/0": A, "output/1": B}),
    "dictionary": ({"z": A, "a": B}, {"output/z": A, "output/a": B}),
    "nested": ({"z": (A, {"b": B})}, {"output/z/0": A, "output/z/1/b": B}),
    "nothing beside": ((A, None), {"output/0": A}),
    "empty": ({"z": A, "a": ()}, {"output/z": A}),
    "dataclass": (Plain(A), {"output/z": A}),
    "nested dataclass": (Plain(A, [Plain(B)]), {"output/z": A, "output/a/0/z": B}),
    "pytree dataclass": (Frozen(A, B), {"output/z": A, "output/a": B}),
}


@pytest.mark.parametrize(("outputs", "named"), PACKINGS.values(), ids=PACKINGS)
def test_what_is_returned_has_one_name_whatever_it_is_packed_in(outputs, named):
    """By position, by key, by field; nothing is made of None, which neither framework counts as an output."""
    found = dict(named_leaves(outputs, "output"))
    assert list(found) == list(named)
    assert all(found[name] is array for name, array in named.items())


def test_an_output_that_is_a_dictionary_and_a_dataclass_is_a_dictionary():
    """As the model outputs of transformers are: their fields that are None are no keys."""

    @dataclass
    class Output(dict):
        logits: Any = None
        loss: Any = None

        def __post_init__(self) -> None:
            self["logits"] = self.logits

    assert [name for name, _ in named_leaves(Output(A), "output")] == ["output/logits"]


def test_a_batch_is_replaced_not_changed():
    """What ``mapped`` makes is another batch of the same form."""
    batch = Batch.of({"x": ROWS})
    twice = batch.mapped(lambda name, array: 2 * array)
    np.testing.assert_array_equal(batch.inputs["x"], ROWS)
    np.testing.assert_array_equal(twice.inputs["x"], 2 * ROWS)
    assert replace(twice, inputs=batch.inputs).form == batch.form


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, np.iinfo(np.uint64).max])
def test_integers_that_jax_would_wrap_are_refused(value):
    """In one line: whose they are, what was expected, what came, what to do."""
    array = np.array([0, value], np.uint64 if value > 2**32 else np.int64)
    with pytest.raises(UsageError, match=rf"^batch: ids: expected integers that int32 holds, .* got {value}: renumber"):
        Batch({"ids": array})
    with pytest.raises(UsageError, match=r"^batch: labels: expected integers"):
        Batch({"x": np.ones(2)}, {"labels": array})


def test_bounds_that_jax_would_wrap_are_refused():
    """A probe draws from them."""
    with pytest.raises(UsageError, match="the bounds of ids: expected integers that int32 holds"):
        Batch({"ids": np.arange(3)}, bounds={"ids": (0, 2**33)})
    Batch({"ids": np.array([-(2**31), 2**31 - 1])}, bounds={"ids": (-(2**31), 2**31)})
