"""Normalising layers are told by their arguments."""

import pytest

from compare.weights.mapping.operation import NEW, Operation
from compare.weights.mapping.torch_norms import along, by_arguments
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import same_atoms


def test_a_library_s_own_norm_needs_no_row():
    walk = Walk()
    x, scale, mean = walk.input((2, 3, 4)), walk.weight("scale", (3,)), walk.weight("mean", (3,))
    given = {"input": x, "weight": scale, "bias": None, "running_mean": mean, "running_var": walk.weight("var", (3,))}
    operation = Operation("some_library_batch_norm", NEW, given, [(2, 3, 4), (0,)])
    rule = by_arguments(operation)
    assert rule is not None
    result, saved = rule(walk, operation)
    assert [walk.units[name].kind for name in ("scale", "mean", "var")] == ["scale", "shift", "scale"]
    assert [set(walk.units[name].hints) for name in ("scale", "mean", "var")] == [set(), {"sub"}, {"rsqrt"}]
    assert (result.shape, saved.shape) == ((2, 3, 4), (0,))


@pytest.mark.parametrize("names", [("input", "weight", "bias"), ("self", "other"), ("input", "running_mean")])
def test_other_operations_are_none(names):
    assert by_arguments(Operation("linear", NEW, dict.fromkeys(names), [(2,)])) is None


def test_a_vector_lies_along_the_axis_that_is_named():
    walk = Walk()
    x, w = walk.input((2, 3, 4)), walk.weight("w", (3,))
    along(walk, "mul", x, w, 1)
    assert same_atoms(w.axes[0], x.axes[1])
    assert not same_atoms(w.axes[0], x.axes[2])
