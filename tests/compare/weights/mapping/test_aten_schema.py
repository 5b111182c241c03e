"""What is read off ATen's schemas."""

import pytest
import torch

from compare.weights.mapping.aten_schema import named_arguments, result_of
from compare.weights.mapping.operation import NEW, PARTS, VIEW

aten = torch.ops.aten


def test_arguments_have_their_names_and_defaults():
    x = torch.rand(2, 3)
    assert named_arguments(aten.slice.Tensor, (x, 1), {}) == {
        "self": x,
        "dim": 1,
        "start": None,
        "end": None,
        "step": 1,
    }
    named = named_arguments(aten.addmm.default, (x[0], x, x), {"alpha": 2})
    assert list(named) == ["self", "mat1", "mat2", "beta", "alpha"]
    assert (named["beta"], named["alpha"]) == (1, 2)
    assert named_arguments(aten.mean.dim, (x,), {"dim": [0]})["keepdim"] is False


@pytest.mark.parametrize(
    ("overload", "result"),
    [
        (aten.view.default, VIEW), (aten.detach.default, VIEW), (aten.lift_fresh.default, VIEW),
        (aten.squeeze_.dim, VIEW), (aten.split.Tensor, PARTS), (aten.unsafe_split.Tensor, PARTS),
        (aten.unbind.int, PARTS), (aten.add_.Tensor, NEW), (aten.clone.default, NEW), (aten.sort.default, NEW),
        (aten.arange.default, NEW), (aten._foreach_abs.default, NEW),
    ],
)  # fmt: skip
def test_what_a_result_is(overload, result):
    assert result_of(overload) == result
