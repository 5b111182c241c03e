"""Small models that raise to float32 in their own code, written twice, and the four runs that the judge takes."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from compare.frameworks.islands.port import promoted_jax
from compare.frameworks.islands.reference import promoted_torch
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Judgement, Verdict, judge

D, HEADS, LENGTH, LAYERS = 24, 2, 5, 3
HALF = D // HEADS // 2


@dataclass(frozen=True, eq=False)
class Case:
    """One function in each framework, ``(params, x) -> output``; the port's parameters have the same names."""

    reference: Callable[..., Any]
    port: Callable[..., Any]
    shapes: dict[str, tuple[int, ...]]
    differentiable: bool = True

    def draw(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Parameters, input and cotangent, in float32."""
        rng = np.random.default_rng(7)
        params = {name: rng.standard_normal(shape) / math.sqrt(D) for name, shape in self.shapes.items()}
        x, cotangent = rng.standard_normal((2, LENGTH, D)), rng.standard_normal((2, LENGTH, D))
        narrow = {name: array.astype(np.float32) for name, array in params.items()}
        return narrow, x.astype(np.float32), cotangent.astype(np.float32)


def run_reference(case: Case, dtype: torch.dtype, promote: bool = False) -> dict[str, np.ndarray]:
    drawn, x, cotangent = case.draw()
    params = {name: torch.tensor(array).to(dtype).requires_grad_() for name, array in drawn.items()}
    inputs, against = torch.tensor(x).to(dtype).requires_grad_(), torch.tensor(cotangent).to(dtype)
    with promoted_torch() if promote else nullcontext():
        output = case.reference(params, inputs)
        arrays = {"output": output.detach().numpy()}
        if case.differentiable:
            (output * against).sum().backward()
            arrays |= {f"grad/{name}": array.grad.numpy() for name, array in (params | {"input": inputs}).items()}
    return arrays


def value_and_grads(case: Case, params: Any, x: Any, cotangent: Any) -> tuple[Any, Any]:
    if not case.differentiable:
        return case.port(params, x), {}
    output, pull_back = jax.vjp(case.port, params, x)
    grads, input_grad = pull_back(cotangent.astype(output.dtype))
    return output, grads | {"input": input_grad}


def arguments(case: Case, dtype: type = np.float64) -> Any:
    """(params, x, cotangent) for ``value_and_grads``."""
    return jax.tree.map(lambda array: array.astype(dtype), case.draw())


def run_port(case: Case, promote: Callable[..., Any] | None, wide: bool) -> dict[str, np.ndarray]:
    function = partial(value_and_grads, case)
    with jax.enable_x64(wide), jax.numpy_dtype_promotion("standard"):
        entering = jax.tree.map(jnp.asarray, arguments(case, np.float64 if wide else np.float32))
        output, grads = jax.jit(promote(function) if promote else function)(*entering)
        return {"output": np.asarray(output)} | {f"grad/{name}": np.asarray(grad) for name, grad in grads.items()}


@cache
def at_working_precision(case: Case) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return run_reference(case, torch.float32), run_port(case, None, wide=False)


def judged(
    case: Case, promote: Callable[..., Any] | None = promoted_jax, promote_torch: bool = True
) -> dict[str, Judgement]:
    """The verdict on every quantity; with ``promote=None`` and ``promote_torch=False`` by the plain oracles."""
    t, j = at_working_precision(case)
    t64, j64 = run_reference(case, torch.float64, promote_torch), run_port(case, promote, wide=True)
    assert {array.dtype for array in (*t64.values(), *j64.values())} == {np.dtype(np.float64)}
    return {name: judge(t[name], j[name], t64[name], j64[name], FLOAT32) for name in t}


def verdicts(judgements: dict[str, Judgement]) -> set[Verdict]:
    return {judgement.verdict for judgement in judgements.values()}


# --- the reference's layers ------------------------------------------------------------------------------------------


def rms_norm_torch(x, weight, eps=1e-6):
    h = x.float()
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + eps)
    return weight * h.to(x.dtype)


def rotary_torch(x):
    inverse = 1.0 / 10000.0 ** (torch.arange(0, 2 * HALF, 2, dtype=torch.float32) / (2 * HALF))
    angles = torch.outer(torch.arange(x.shape[-2]).float(), inverse)
    cos, sin = (torch.cat([table, table], -1).to(x.dtype) for table in (angles.cos(), angles.sin()))
    return x * cos + torch.cat([-x[..., HALF:], x[..., :HALF]], -1) * sin


def rotary_complex_torch(x):
    inverse = 1.0 / 10000.0 ** (torch.arange(0, 2 * HALF, 2)[:HALF].float() / (2 * HALF))
    angles = torch.outer(torch.arange(x.shape[-2]), inverse)
    turned = torch.view_as_complex(x.float().unflatten(-1, (-1, 2))) * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2).type_as(x)


def heads_torch(x):
    return x.unflatten(-1, (HEADS, -1)).transpose(-2, -3)


def attention_torch(p, x, rotary=rotary_torch):
    q, k, v = (heads_torch(x @ p[name]) for name in ("q", "k", "v"))
    scores = rotary(q) @ rotary(k).transpose(-1, -2) / math.sqrt(D // HEADS)
    scores = scores + torch.full((LENGTH, LENGTH), torch.finfo(torch.float32).min).triu(1)
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
    return (weights @ v).transpose(-2, -3).flatten(-2) @ p["o"]


def block_torch(p, x, eps=1e-6):
    x = x + attention_torch(p, rms_norm_torch(x, p["norm1"], eps))
    h = rms_norm_torch(x, p["norm2"], eps)
    return x + F.gelu((h @ p["up"]).float(), approximate="tanh").type_as(x) @ p["down"]


def decoder_torch(params, x):
    for i in range(LAYERS):
        layer = {name: array[i] for name, array in params.items()}
        x = checkpoint(block_torch, layer, x, use_reentrant=False)
    return x


# --- the port's layers -----------------------------------------------------------------------------------------------


def rms_norm_jax(x, weight, eps=1e-6):
    h = x.astype(jnp.float32)
    h = h * jax.lax.rsqrt(jnp.mean(h * h, -1, keepdims=True) + eps)
    return weight * h.astype(x.dtype)


def rotary_jax(x):
    inverse = 1.0 / 10000.0 ** (jnp.arange(0, 2 * HALF, 2, dtype=jnp.float32) / (2 * HALF))
    angles = jnp.outer(jnp.arange(x.shape[-2], dtype=jnp.float32), inverse)
    cos, sin = (jnp.concatenate([table, table], -1).astype(x.dtype) for table in (jnp.cos(angles), jnp.sin(angles)))
    return x * cos + jnp.concatenate([-x[..., HALF:], x[..., :HALF]], -1) * sin


def rotary_complex_jax(x):
    inverse = 1.0 / 10000.0 ** (jnp.arange(0, 2 * HALF, 2, dtype=jnp.float32) / (2 * HALF))
    angles = jnp.outer(jnp.arange(x.shape[-2], dtype=jnp.float32), inverse)
    pairs = x.astype(jnp.float32).reshape(*x.shape[:-1], -1, 2)
    turned = jax.lax.complex(pairs[..., 0], pairs[..., 1]) * jnp.exp(1j * angles).astype(jnp.complex64)
    return jnp.stack([turned.real, turned.imag], -1).reshape(x.shape).astype(x.dtype)


def heads_jax(x):
    return x.reshape(*x.shape[:-1], HEADS, -1).swapaxes(-2, -3)


def attention_jax(p, x, rotary=rotary_jax):
    q, k, v = (heads_jax(x @ p[name]) for name in ("q", "k", "v"))
    scores = jnp.einsum("...qd,...kd->...qk", rotary(q), rotary(k), preferred_element_type=jnp.float32)
    scores = scores * (1 / math.sqrt(D // HEADS))
    scores = jnp.where(jnp.tril(jnp.ones((LENGTH, LENGTH), bool)), scores, jnp.finfo(jnp.float32).min)
    weights = jax.nn.softmax(scores.astype(jnp.float32)).astype(q.dtype)
    out = (weights @ v).swapaxes(-2, -3)
    return out.reshape(*out.shape[:-2], -1) @ p["o"]


def block_jax(p, x, eps=1e-6):
    x = x + attention_jax(p, rms_norm_jax(x, p["norm1"], eps))
    h = rms_norm_jax(x, p["norm2"], eps)
    return x + jax.nn.gelu((h @ p["up"]).astype(jnp.float32), approximate=True).astype(x.dtype) @ p["down"]


def decoder_jax(params, x, eps=1e-6):
    step = jax.checkpoint(lambda carry, layer: (block_jax(layer, carry, eps), None))
    return jax.lax.scan(step, x, params)[0]


# --- the cases -------------------------------------------------------------------------------------------------------

SQUARE = dict.fromkeys(("q", "k", "v", "o"), (D, D))
BLOCK = SQUARE | {"norm1": (D,), "norm2": (D,), "up": (D, 2 * D), "down": (2 * D, D)}


class LayerNormTorch(torch.autograd.Function):
    """Statistics in float32, forward and backward, as fused layer norms keep them."""

    @staticmethod
    def forward(ctx, x, weight):
        h = x.float()
        h = h - h.mean(-1, keepdim=True)
        rstd = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + torch.tensor(1e-6, dtype=torch.float32))
        ctx.save_for_backward(h * rstd, rstd, weight)
        return (h * rstd).to(x.dtype) * weight

    @staticmethod
    def backward(ctx, g):
        y, rstd, weight = ctx.saved_tensors
        dy = (g * weight).float()
        dx = rstd * (dy - dy.mean(-1, keepdim=True) - y * (dy * y).mean(-1, keepdim=True))
        # A constant that only the backward pass makes, and no decimal: it undoes the number before it.
        dx = dx * torch.tensor(1 / math.sqrt(96), dtype=torch.float32) * math.sqrt(96)
        return dx.to(g.dtype), (g * y.to(g.dtype)).sum((0, 1))


def _layer_norm_forward(x, weight):
    h = x.astype(jnp.float32)
    h = h - h.mean(-1, keepdims=True)
    rstd = jax.lax.rsqrt((h * h).mean(-1, keepdims=True) + jnp.float32(1e-6))
    return (h * rstd).astype(x.dtype) * weight, (h * rstd, rstd, weight)


def _layer_norm_backward(saved, g):
    y, rstd, weight = saved
    dy = (g * weight).astype(jnp.float32)
    dx = rstd * (dy - dy.mean(-1, keepdims=True) - y * (dy * y).mean(-1, keepdims=True))
    return dx.astype(g.dtype), (g * y.astype(g.dtype)).sum((0, 1))


layer_norm_jax = jax.custom_vjp(lambda x, weight: _layer_norm_forward(x, weight)[0])
layer_norm_jax.defvjp(_layer_norm_forward, _layer_norm_backward)


def branch_torch(p, x):
    h = x.float() if x.sum() > 1e9 else torch.tanh(x.float() * 0.1) + 1 / math.sqrt(96)
    return h.to(x.dtype) * p["weight"]


def branch_jax(p, x):
    def other(x):
        return jnp.tanh(x.astype(jnp.float32) * 0.1) + 1 / math.sqrt(96)

    h = jax.lax.cond(x.sum() > 1e9, lambda x: x.astype(jnp.float32), other, x)
    return h.astype(x.dtype) * p["weight"]


def iterate_torch(p, x):
    """Five steps of an iteration in float32."""
    target = 1 + x.abs().float()
    root = torch.full(x.shape, 1.3, dtype=torch.float32)
    for _ in range(5):
        root = 0.5 * (root + torch.tanh(target / root))
    return root.to(x.dtype) * p["weight"]


def iterate_jax(p, x):
    target = 1 + jnp.abs(x).astype(jnp.float32)
    start = (0, jnp.full(x.shape, 1.3, jnp.float32))
    step = lambda state: (state[0] + 1, 0.5 * (state[1] + jnp.tanh(target / state[1])))  # noqa: E731
    return jax.lax.while_loop(lambda state: state[0] < 5, step, start)[1].astype(x.dtype) * p["weight"]


def constants_torch(p, x):
    scale = torch.tensor(0.1, dtype=torch.float32) + torch.as_tensor([1 / 3, 0.7], dtype=torch.float32).sum()
    ramp = torch.linspace(0, 1, D, dtype=torch.float32) + torch.arange(0, 1, 1 / D, dtype=torch.float32)[:D]
    return x * p["weight"] * (scale + ramp + torch.ones(D) / 3)


def constants_jax(p, x):
    scale = jnp.float32(0.1) + jnp.asarray([1 / 3, 0.7], dtype="float32").sum()
    ramp = jnp.linspace(0, 1, D, dtype=np.float32) + jnp.arange(0, 1, 1 / D, dtype=jnp.float32)[:D]
    return x * p["weight"] * (scale + ramp + jnp.ones(D, jnp.float32) / 3)


CASES = {
    "rms_norm": Case(
        lambda p, x: rms_norm_torch(x, p["weight"]), lambda p, x: rms_norm_jax(x, p["weight"]), {"weight": (D,)}
    ),
    "rotary": Case(
        lambda p, x: rotary_torch(heads_torch(x * p["weight"])).transpose(-2, -3).flatten(-2),
        lambda p, x: rotary_jax(heads_jax(x * p["weight"])).swapaxes(-2, -3).reshape(x.shape),
        {"weight": (D,)},
    ),
    "rotary_complex": Case(
        lambda p, x: rotary_complex_torch(heads_torch(x * p["weight"])).transpose(-2, -3).flatten(-2),
        lambda p, x: rotary_complex_jax(heads_jax(x * p["weight"])).swapaxes(-2, -3).reshape(x.shape),
        {"weight": (D,)},
    ),
    "attention": Case(attention_torch, attention_jax, SQUARE),
    "decoder": Case(decoder_torch, decoder_jax, {name: (LAYERS, *shape) for name, shape in BLOCK.items()}),
    "layer_norm": Case(
        lambda p, x: LayerNormTorch.apply(x, p["weight"]), lambda p, x: layer_norm_jax(x, p["weight"]), {"weight": (D,)}
    ),
    "cond": Case(branch_torch, branch_jax, {"weight": (D,)}),
    "while_loop": Case(iterate_torch, iterate_jax, {"weight": (D,)}, differentiable=False),
    "constants": Case(constants_torch, constants_jax, {"weight": (D,)}),
}
