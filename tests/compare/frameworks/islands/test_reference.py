"""The promoted reference computes what the same code would in double throughout, forward and backward."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from compare.frameworks.islands.reference import promoted_torch
from tests.compare.frameworks.islands import models
from tests.compare.frameworks.islands.models import CASES, run_reference

FILE = "tests/compare/frameworks/islands/test_reference.py"


def drawn():
    return torch.randn(2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


def build(layer):
    torch.manual_seed(0)
    return layer.double()


def autocast(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return F.linear(x.float(), torch.full((3, 6), 0.1))


def third(x):
    return torch.sin(x.float() * torch.tensor(1 / 3, dtype=torch.float32))


def filled(x):
    buffer = torch.zeros(2, 4, 6)
    buffer[:, 0] = x[:, 0].float()
    buffer[:, 1:].add_(x[:, 1:]).mul_(0.1)
    return buffer


def turned(x):
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    angles = torch.arange(3, dtype=torch.float32) * 0.1
    return torch.view_as_real(pairs * torch.polar(torch.ones(3), angles)).flatten(-2)


def turned_wide(x):
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    angles = torch.arange(3, dtype=torch.float64) * 0.1
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


attend = F.scaled_dot_product_attention
bn, lstm, gru = build(nn.BatchNorm1d(4)), build(nn.LSTM(6, 5)), build(nn.GRU(6, 5, bidirectional=True))
mha, encoder = build(nn.MultiheadAttention(6, 2)), build(nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0))
conv, norm = build(nn.Conv1d(4, 4, 3)), build(nn.LayerNorm(6))

# What asks for float32, and the same without asking.
LAYERS = {
    "cast": (lambda x: x.float() * 0.1, lambda x: x * 0.1),
    "to": (lambda x: x.to(torch.float32).to(torch.float16) * 0.1, lambda x: x * 0.1),
    "type": (lambda x: x.type(torch.FloatTensor) * 0.1, lambda x: x * 0.1),
    "type_as": (lambda x: x.type_as(torch.tensor(1, dtype=torch.float32)) * 0.1, lambda x: x * 0.1),
    "to_other": (lambda x: x.to(torch.ones(1)) * 0.1, lambda x: x * 0.1),
    "bfloat16": (lambda x: (x.to(torch.bfloat16) * 0.1).to(x.dtype), lambda x: x * 0.1),
    "softmax": (lambda x: F.softmax(x, -1, dtype=torch.float32), lambda x: F.softmax(x, -1)),
    "sum": (lambda x: (x * x).sum(-1, dtype=torch.float32), lambda x: (x * x).sum(-1)),
    "cumsum": (lambda x: x.cumsum(0, dtype=torch.float32), lambda x: x.cumsum(0)),
    "layer_norm": (lambda x: norm(x.float()), norm),
    "batch_norm": (lambda x: copy.deepcopy(bn)(x.float()), lambda x: copy.deepcopy(bn)(x)),
    "lstm": (lambda x: lstm(x.float())[0], lambda x: lstm(x)[0]),
    "gru": (lambda x: gru(x.float())[0], lambda x: gru(x)[0]),
    "attention": (lambda x: mha(x.float(), x.float(), x.float())[0], lambda x: mha(x, x, x)[0]),
    "fused": (lambda x: attend(x.float(), x.float(), x.float()), lambda x: attend(x, x, x)),
    "encoder": (lambda x: encoder(x.float()), encoder),
    "conv": (lambda x: conv(x.float()), conv),
    "gelu": (lambda x: F.gelu(x.float()), F.gelu),
    "cross_entropy": (
        lambda x: F.cross_entropy(x.flatten(0, 1).float(), torch.arange(8) % 6),
        lambda x: F.cross_entropy(x.flatten(0, 1), torch.arange(8) % 6),
    ),
    "autocast": (autocast, lambda x: F.linear(x, torch.full((3, 6), 0.1, dtype=torch.float64))),
    "in place": (filled, lambda x: torch.cat([x[:, :1], x[:, 1:] * 0.1], 1)),
    "complex": (turned, turned_wide),
    "fft": (lambda x: torch.fft.rfft(x.float()).abs(), lambda x: torch.fft.rfft(x).abs()),
    "interpolate": (
        lambda x: F.interpolate(x.float(), scale_factor=2, mode="linear"),
        lambda x: F.interpolate(x, scale_factor=2, mode="linear"),
    ),
    "checkpoint": (
        lambda x: checkpoint(third, x, use_reentrant=False),
        lambda x: torch.sin(x * (1 / 3)),
    ),
    "reentrant": (
        lambda x: checkpoint(third, x, use_reentrant=True),
        lambda x: torch.sin(x * (1 / 3)),
    ),
    "vmap": (lambda x: vmap(lambda v: v.float() * 0.1)(x), lambda x: x * 0.1),
    "grad": (lambda x: grad(lambda v: (v.float() ** 3).sum())(x), lambda x: 3 * x**2),
    "grad of grad": (
        lambda x: torch.autograd.grad((x.float() ** 3).sum(), x, create_graph=True)[0],
        lambda x: 3 * x**2,
    ),
    "functional_call": (lambda x: functional_call(norm, dict(norm.named_parameters()), (x.float(),)), norm),
    "linspace": (
        lambda x: x + torch.linspace(0, 1, 6, dtype=torch.float32) + torch.arange(0, 0.6, 0.1)[:6],
        lambda x: x + torch.linspace(0, 1, 6, dtype=torch.float64) + torch.arange(0, 0.6, 0.1, dtype=torch.float64)[:6],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_what_double_throughout_gives(name):
    """Value and gradient; and without promotion it is not (or torch refuses to mix the dtypes)."""
    asking, plain = LAYERS[name]

    def run(layer):
        x = drawn()
        output = layer(x)
        output.sum().backward() if name != "softmax" else (output * output).sum().backward()
        return output.detach(), x.grad

    with promoted_torch() as seen:
        found = run(asking)
    wanted = run(plain)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == torch.float64
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-15)
    assert seen
    assert all(place.startswith(FILE) for place in seen)
    try:
        islands = run(asking)
    except (RuntimeError, ValueError):  # a layer in double, an input in float32
        return
    assert islands[0].dtype != torch.float64 or not torch.allclose(islands[0], wanted[0], rtol=1e-10, atol=1e-12)


def test_the_islands_are_told_by_line():
    """Of a whole decoder: its norms, its table, its mask, its softmax and its activation; no library's line."""
    with promoted_torch() as seen:
        run_reference(CASES["decoder"], torch.float64)
    source = Path(models.__file__).read_text().splitlines()
    lines = [source[int(place.rsplit(":", 1)[1]) - 1].strip() for place in seen if place.startswith("tests/")]
    own = [line for line in lines if "torch.tensor(" not in line]  # what the test itself makes
    assert own == [
        "h = x.float()",
        "inverse = 1.0 / 10000.0 ** (torch.arange(0, 2 * HALF, 2, dtype=torch.float32) / (2 * HALF))",
        "angles = torch.outer(torch.arange(x.shape[-2]).float(), inverse)",
        "scores = scores + torch.full((LENGTH, LENGTH), torch.finfo(torch.float32).min).triu(1)",
        "weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)",
        'return x + F.gelu((h @ p["up"]).float(), approximate="tanh").type_as(x) @ p["down"]',
    ]


def test_torch_is_left_as_it_was():
    """Its default dtype, also after an error and when nested."""
    with promoted_torch(), promoted_torch():
        assert torch.ones(1).dtype == torch.float64
    with pytest.raises(ZeroDivisionError), promoted_torch():
        _ = 1 / 0
    assert torch.get_default_dtype() == torch.ones(1).dtype == torch.float32
    assert torch.ones(1, dtype=torch.float64).float().dtype == torch.float32


def test_random_draws_stay_the_draws_they_are():
    """In float32, widened; explicit float64 draws stay float64's."""
    torch.manual_seed(1)
    single, double = torch.rand(5), torch.rand(5, dtype=torch.float64)
    torch.manual_seed(1)
    with promoted_torch() as seen:
        assert torch.equal(torch.rand(5), single.double())
        assert torch.equal(torch.rand(5, dtype=torch.float64), double)
    assert len(seen) == 1


def test_random_integers_stay_integers():
    """They are drawn as such, too large for float32 to hold, and no draw of floats stands in for them."""
    torch.manual_seed(0)
    plain = torch.randint(2**62, (3,), dtype=torch.int64)
    torch.manual_seed(0)
    with promoted_torch():
        promoted = torch.randint(2**62, (3,), dtype=torch.int64)
    assert promoted.dtype == torch.int64
    assert torch.equal(promoted, plain)


def test_bits_are_left_alone():
    """A view in another dtype reads bytes."""
    x = torch.ones(2, dtype=torch.int32)
    with promoted_torch():
        assert x.view(torch.float32).dtype == torch.float32


@torch.library.custom_op("jaxport_test::single", mutates_args=())
def single(x: torch.Tensor) -> torch.Tensor:
    """A kernel for float32 alone."""
    if x.dtype != torch.float32:
        raise RuntimeError("only float32")
    return torch.sin(x)


def test_an_operator_for_float32_alone_is_called_with_it_and_named():
    """It cannot be promoted; what follows it is float64 again."""
    x = drawn().detach()
    with promoted_torch() as seen:
        y = single(x.float()) * 0.1
    assert y.dtype == torch.float64
    torch.testing.assert_close(y, torch.sin(x.float()).double() * 0.1, rtol=1e-15, atol=0)
    line = test_an_operator_for_float32_alone_is_called_with_it_and_named.__code__.co_firstlineno + 4
    assert [(call.name, call.place) for call in seen.calls] == [("jaxport_test.single.default", f"{FILE}:{line}")]


def test_a_product_with_a_float32_table_outside_the_buffers_runs():
    """A double module refuses it (``mat1 and mat2 must have the same dtype``); promoted, it is a constant."""
    table = torch.sin(torch.arange(6.0))[:, None]
    x = drawn()
    with promoted_torch() as seen:
        y = x @ table.expand(6, 3)
        y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.float64
    assert x.grad[0, 0].tolist() == (3 * table.double()[:, 0]).tolist()
    assert [constant.dtype for constant in seen.constants] == ["float32"]


def test_running_statistics_follow_in_double():
    """A training step in the block leaves buffers in double, and equal to a double run's."""
    one, other = copy.deepcopy(bn), copy.deepcopy(bn)
    with promoted_torch():
        one(drawn().float())
    other(drawn())
    assert one.running_var.dtype == torch.float64
    assert torch.equal(one.running_var, other.running_var)
    assert math.isclose(one.num_batches_tracked.item(), 1)
    assert np.isfinite(one.running_mean.numpy()).all()
