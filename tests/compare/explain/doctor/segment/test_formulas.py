"""What torch makes in one piece is what its formula makes, and each named part is one of it."""

import pytest
import torch
import torch.nn.functional as F

from compare.explain.calls.change import recorded
from compare.explain.calls.signatures import bound
from compare.explain.doctor.segment.formulas import FORMULAS, PARTS, has_parts, with_part

X = torch.linspace(-2, 3, 4 * 6 * 3, dtype=torch.float64).sin().reshape(4, 6, 3).mul(2)
W = torch.linspace(0.5, 1.5, 6, dtype=torch.float64)
MASK = torch.tensor([[True, False, True, True]]).expand(4, 4)

CALLS = {
    "layer_norm": lambda x: F.layer_norm(x.mT, (6,), W, W, 1e-3),
    "rms_norm": lambda x: F.rms_norm(x, (6, 3), eps=1e-3),
    "group_norm": lambda x: F.group_norm(x, 2, W, W, 1e-3),
    "instance_norm": lambda x: F.instance_norm(x, eps=1e-3),
    "batch_norm": lambda x: F.batch_norm(x, None, None, W, W, True, 0.1, 1e-3),
    "scaled_dot_product_attention": lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=True),
    "normalize": lambda x: F.normalize(x, dim=1),
    "silu": F.silu, "gelu": F.gelu, "mish": F.mish, "hardswish": F.hardswish,
    "softmax": lambda x: F.softmax(x, -1),
}  # fmt: skip


class Of(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", CALLS)
def test_a_formula_is_the_call_and_has_its_parts(name):
    """With nothing done to a part the same numbers; with each part twice as large, others."""
    module, plain = Of(CALLS[name]), CALLS[name](X)
    with recorded(module) as calls:
        module(X)
    (call,) = [one for one in calls if one.name == name]

    def by(parts, function):
        return lambda func, args, kwargs: with_part(name, parts, function)(bound(func, args, kwargs))

    def under(replacement):
        from compare.explain.calls.change import Change

        with Change(calls={call.number: replacement}).applied(module):
            return module(X)

    assert has_parts(name, bound(call.function, call.args, call.kwargs))
    torch.testing.assert_close(under(by((), torch.zeros_like)), plain, rtol=1e-12, atol=1e-13)
    for part in PARTS[name]:
        assert not torch.allclose(under(by((part,), lambda own: 2 * own + 0.5)), plain)


def test_every_formula_is_tried_here():
    """And each has a part to name."""
    assert set(CALLS) == set(FORMULAS) == set(PARTS)


def test_a_mask_is_part_of_the_formula():
    """True is kept."""
    given = {"query": X[:, :4], "key": X[:, :4], "value": X[:, :4], "attn_mask": MASK, "is_causal": False, "scale": 0.3}
    own = F.scaled_dot_product_attention(X[:, :4], X[:, :4], X[:, :4], MASK, scale=0.3)
    torch.testing.assert_close(with_part("scaled_dot_product_attention", (), torch.zeros_like)(given), own)
