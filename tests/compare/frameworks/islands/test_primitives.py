"""Operations whose own float64 is accurate to float32 only are told and made right; no others are."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special
from torch import nn
from torch.func import vmap

from compare.frameworks.islands import primitives
from compare.frameworks.islands.places import KERNEL
from compare.frameworks.islands.reference import promoted_torch

X = 2 * torch.randn(60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
POSITIVE = X.abs() + 0.1


def gradient(function, x, times=1):
    x = x.clone().requires_grad_()
    y = function(x)
    for time in range(times):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=time + 1 < times)
    return y.numpy()


def celu_slope(x, alpha=0.3):
    return np.where(x > 0, 1.0, np.exp(x / alpha))


def sixth(x):
    return np.where(np.abs(x) < 3, 1 / 6, 0.0)


# What torch rounds to float32 in float64 on a CPU: the function, where it is differentiated, the derivative, its name.
ROUNDED = {
    "hardsigmoid": (F.hardsigmoid, X, sixth, "hardsigmoid_backward"),
    "hardsigmoid in place": (lambda x: F.hardsigmoid(1 * x, inplace=True), X, sixth, "hardsigmoid_backward"),
    "celu": (partial(F.celu, alpha=0.3), X, celu_slope, "celu_backward"),
    "celu by name": (lambda x: F.celu(input=x, alpha=0.3), X, celu_slope, "celu_backward"),
    "celu's module": (nn.CELU(0.3), X, celu_slope, "celu_backward"),
    "celu in place": (lambda x: F.celu(1 * x, 0.3, inplace=True), X, celu_slope, "celu_backward"),
    "celu_": (lambda x: torch.celu_(1 * x, 0.3), X, celu_slope, "celu_backward"),
    "celu under vmap": (vmap(lambda x: torch.celu(x, 0.3)), X, celu_slope, "celu_backward"),
    "digamma": (torch.digamma, POSITIVE, partial(special.polygamma, 1), "polygamma"),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_what_torch_rounds_is_exact_and_told(name):
    """Told where it is off without; a version of torch that has it right is told nothing."""
    function, x, slope, kernel = ROUNDED[name]
    exact = slope(x.numpy())
    plain = gradient(function, x)
    with promoted_torch() as seen:
        promoted = gradient(function, x)
    assert np.max(np.abs(promoted / np.where(exact, exact, 1) - (exact != 0))) < 1e-14
    off = np.linalg.norm(plain - exact) / np.linalg.norm(exact)
    assert seen == ([f"{KERNEL}{kernel}"] if off > 1e-12 else [])


def test_the_second_derivative_of_celu_is_exact():
    """torch's has the rounded alpha twice."""
    with promoted_torch():
        second = gradient(partial(F.celu, alpha=0.3), X, times=2)
    x = X.numpy()
    np.testing.assert_allclose(second, np.where(x > 0, 0.0, np.exp(x / 0.3) / 0.3), rtol=1e-14)


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_an_alpha_that_float32_holds_is_not_told(alpha):
    """Nor is what is not differentiated."""
    with promoted_torch() as seen:
        gradient(partial(F.celu, alpha=alpha), X)
        F.celu(X, 0.3)
        F.celu(X.clone(), 0.3, inplace=True)
    assert seen == []


def stand_in(monkeypatch, factor):
    """silu's definition, ``factor`` times what its kernel makes: as if the kernel were off."""
    monkeypatch.setattr(primitives, "definition_of", lambda func: lambda x: x * torch.sigmoid(x) * factor)
    for kept in (primitives.definition, primitives._functional):
        kept.cache_clear()
        monkeypatch.setattr(primitives, kept.__name__, kept.__wrapped__)


@pytest.mark.parametrize("silu", [F.silu, lambda x: F.silu(x.clone(), inplace=True)], ids=["silu", "in place"])
@pytest.mark.parametrize(("off", "apart"), [(1e-15, False), (1e-12, True), (3e-8, True), (1e-6, False), (1e-3, False)])
def test_a_kernel_is_taken_apart_where_it_is_off_by_float32s_size(monkeypatch, silu, off, apart):
    """Not by float64's, and not by what only another function is off by: the kernel's word stands there."""
    stand_in(monkeypatch, 1 + off)
    with promoted_torch() as seen:
        made = silu(X)
    assert [place.removesuffix("_") for place in seen] == [f"{KERNEL}silu"] * apart
    np.testing.assert_allclose(made, X * torch.sigmoid(X) * (1 + off * apart), rtol=2e-15)


@pytest.mark.parametrize(
    "define",
    [
        lambda x: x.float().double(),
        lambda x: x.mul_(1 + 3e-8),
        lambda x: (x * torch.sigmoid(x) * (1 + 3e-8))[:3],
        lambda x: x / 0,
        lambda x: x.no_such_method(),
        lambda x: NotImplemented,
    ],
    ids=["leaves float64", "writes", "other shape", "not finite", "raises", "declines"],
)
def test_a_definition_that_is_none_is_not_believed(monkeypatch, define):
    """And what it was given stays as it was."""
    stand_in(monkeypatch, 1)
    monkeypatch.setattr(primitives, "definition_of", lambda func: define)
    given = X.clone()
    with promoted_torch() as seen:
        made = F.silu(given)
    assert seen == []
    assert torch.equal(given, X)
    assert torch.equal(made, F.silu(X))


def test_the_models_own_draws_stay_what_they_are():
    """The perturbation that shows float64's noise has a generator of its own."""
    torch.manual_seed(0)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    with promoted_torch() as seen:
        gradient(F.hardsigmoid, X)
    assert seen
    assert torch.equal(torch.rand(3), drawn)


def test_an_ill_conditioned_result_is_no_rounding_of_float32s(monkeypatch):
    """A variance far from the mean, computed another way: off by 1e-7, as float64's own rounding is there."""

    def one_pass(x, correction, keepdim=False):
        return (x * x).mean() - x.mean() ** 2

    monkeypatch.setattr(primitives, "definition", lambda func: one_pass if "var" in func.name() else None)
    x = 1e4 + X
    assert abs(one_pass(x, 0) / x.var(correction=0) - 1) > 1e-11
    with promoted_torch() as seen:
        torch.ops.aten.var.correction(x, correction=0)
    assert seen == []


# Numbers that float32 does not hold, wherever a function takes one.
IMAGE = torch.randn(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
ROWS = X.reshape(6, 10)
SIGNS = torch.where(ROWS > 0, 1.0, -1.0).double()
LABELS = torch.arange(6)
EXACT = {
    "elu": lambda x: F.elu(x, 0.3),
    "selu": F.selu,
    "hardswish": F.hardswish,
    "hardtanh": lambda x: F.hardtanh(x, -0.3, 0.7),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "rrelu": lambda x: F.rrelu(x, 0.1, 0.3),
    "softplus": lambda x: F.softplus(x, 0.7, 1.3),
    "softshrink": lambda x: F.softshrink(x, 0.3),
    "hardshrink": lambda x: F.hardshrink(x, 0.3),
    "threshold": lambda x: F.threshold(x, 0.1, 0.7),
    "mish": F.mish,
    "gelu": F.gelu,
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"),
    "glu": F.glu,
    "logsigmoid": F.logsigmoid,
    "layer_norm": lambda x: F.layer_norm(x, (10,), eps=1e-3),
    "rms_norm": lambda x: F.rms_norm(x, (10,), eps=1e-3),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True, eps=1e-3),
    "weight_norm": lambda x: torch._weight_norm(x, x.norm(dim=1, keepdim=True) * 0.3),
    "normalize": lambda x: F.normalize(x, 2.3, eps=1e-3),
    "renorm": lambda x: torch.renorm(x, 2.3, 0, 0.7),
    "pow": lambda x: x.abs() ** 0.7,
    "lerp": lambda x: torch.lerp(x, x * x, 0.3),
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.3),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1, value=0.3),
    "xlogy": lambda x: torch.xlogy(x, 0.3),
    "logit": lambda x: torch.logit(x.sigmoid(), 1e-3),
    "sinc": torch.sinc,
    "var": lambda x: torch.var(x, 1, correction=0.3),
    "cdist": lambda x: torch.cdist(x, x.flip(0), 2.3),
    "huber": lambda x: F.huber_loss(x, x.flip(0).detach(), delta=0.3),
    "smooth_l1": lambda x: F.smooth_l1_loss(x, x.flip(0).detach(), beta=0.3),
    "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), x.flip(0).sigmoid().detach()),
    "soft_margin": lambda x: F.soft_margin_loss(x, SIGNS),
    "multi_margin": lambda x: F.multi_margin_loss(x, LABELS, margin=0.3),
    "smoothed labels": lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1),
    "group_norm": lambda x: F.group_norm(x, 3, eps=1e-3),
    "response norm": lambda x: F.local_response_norm(x, 3, 0.3, 0.7, 1.1),
    "bilinear": lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, scale_factor=0.7, mode="bicubic", antialias=True),
    "grid_sample": lambda x: F.grid_sample(x, 0.3 * IMAGE[:, :2].movedim(1, -1), align_corners=False),
}
IMAGES = ("group_norm", "response norm", "bilinear", "bicubic", "grid_sample")


@pytest.mark.parametrize("name", EXACT)
def test_what_is_float64_is_left_as_it_is(name):
    """Value and gradient to the last bit, and nothing told."""

    def run():
        x = (IMAGE if name in IMAGES else ROWS).clone().requires_grad_()
        y = EXACT[name](x)
        (slope,) = torch.autograd.grad(y, x, torch.full_like(y, 0.7))
        return y.detach(), slope

    plain = run()
    with promoted_torch() as seen:
        promoted = run()
    assert seen == []
    assert all(torch.equal(one, other) for one, other in zip(promoted, plain, strict=True))


@pytest.mark.gpu
def test_a_gpus_own_kernels_are_taken_apart():
    """Hard swish multiplies by 1/6 in float32 there, and weight norm takes its root in it."""
    x, cotangent = X.cuda(), torch.linspace(0.1, 0.7, 60, dtype=torch.float64)
    weight = ROWS.cuda()
    with promoted_torch():
        swish, sigmoid = F.hardswish(x), F.hardsigmoid(x)
        normed = torch._weight_norm(weight, weight[:, :1].abs())
        given = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(F.hardsigmoid(given), given, cotangent.cuda())
    relu6 = torch.clamp(X + 3, 0, 6)
    torch.testing.assert_close(swish.cpu(), X * relu6 / 6, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(sigmoid.cpu(), relu6 / 6, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(slope.cpu(), torch.from_numpy(sixth(X.numpy())) * cotangent, rtol=1e-14, atol=1e-15)
    wanted = ROWS / torch.linalg.vector_norm(ROWS, dim=1, keepdim=True) * ROWS[:, :1].abs()
    torch.testing.assert_close(normed.cpu(), wanted, rtol=1e-13, atol=1e-15)
