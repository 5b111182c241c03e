"""Three small models with dropout, each written for PyTorch, Linen and NNX, with the change of layout between them."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx
from torch import nn

from compare.frameworks.dropout import port, reference
from compare.frameworks.dropout.masks import draw

KEYS = {"dropout": jax.random.key(0)}
EPS = 1e-5


# --- a multilayer perceptron ------------------------------------------------------------------------------------------


class TorchMLP(nn.Module):
    def __init__(self, rates=(0.3, 0.5)):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(6, 8), nn.Linear(8, 5), nn.Linear(5, 3)
        self.d1, self.d2 = nn.Dropout(rates[0]), nn.Dropout(rates[1])

    def forward(self, x):
        return self.l3(self.d2(torch.tanh(self.l2(self.d1(torch.tanh(self.l1(x)))))))


class LinenMLP(linen.Module):
    rates: tuple = (0.3, 0.5)

    @linen.compact
    def __call__(self, x):
        for name, width, rate in (("l1", 8, self.rates[0]), ("l2", 5, self.rates[1])):
            x = jnp.tanh(linen.Dense(width, name=name)(x))
            x = linen.Dropout(rate, deterministic=False)(x)
        return linen.Dense(3, name="l3")(x)


class NnxMLP(nnx.Module):
    def __init__(self, rates=(0.3, 0.5)):
        rngs = nnx.Rngs(0)
        self.l1, self.l2, self.l3 = (nnx.Linear(*size, rngs=rngs) for size in ((6, 8), (8, 5), (5, 3)))
        self.d1, self.d2 = nnx.Dropout(rates[0], rngs=rngs), nnx.Dropout(rates[1], rngs=rngs)

    def __call__(self, x):
        return self.l3(self.d2(jnp.tanh(self.l2(self.d1(jnp.tanh(self.l1(x)))))))


def dense(state, name):
    return {"kernel": state[f"{name}.weight"].T, "bias": state[f"{name}.bias"]}


def mlp_tree(state):
    return {name: dense(state, name) for name in ("l1", "l2", "l3")}


# --- convolutions, channels first against channels last ---------------------------------------------------------------


class TorchConv(nn.Module):
    def __init__(self, rates=(0.4, 0.3)):
        super().__init__()
        self.c1, self.c2, self.l = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1), nn.Linear(3, 2)
        self.d1, self.d2 = nn.Dropout2d(rates[0]), nn.Dropout(rates[1])

    def forward(self, x):
        x = self.d2(torch.tanh(self.c2(self.d1(torch.tanh(self.c1(x))))))
        return self.l(x.mean((2, 3)))


class LinenConv(linen.Module):
    rates: tuple = (0.4, 0.3)

    @linen.compact
    def __call__(self, x):
        x = jnp.tanh(linen.Conv(4, (3, 3), name="c1")(x))
        x = linen.Dropout(self.rates[0], broadcast_dims=(1, 2), deterministic=False)(x)
        x = jnp.tanh(linen.Conv(3, (3, 3), name="c2")(x))
        x = linen.Dropout(self.rates[1], deterministic=False)(x)
        return linen.Dense(2, name="l")(x.mean((1, 2)))


class NnxConv(nnx.Module):
    def __init__(self, rates=(0.4, 0.3)):
        rngs = nnx.Rngs(0)
        self.c1, self.c2 = nnx.Conv(2, 4, (3, 3), rngs=rngs), nnx.Conv(4, 3, (3, 3), rngs=rngs)
        self.l = nnx.Linear(3, 2, rngs=rngs)
        self.d1 = nnx.Dropout(rates[0], broadcast_dims=(1, 2), rngs=rngs)
        self.d2 = nnx.Dropout(rates[1], rngs=rngs)

    def __call__(self, x):
        x = self.d2(jnp.tanh(self.c2(self.d1(jnp.tanh(self.c1(x))))))
        return self.l(x.mean((1, 2)))


def conv_tree(state):
    convs = {
        name: {"kernel": state[f"{name}.weight"].transpose(2, 3, 1, 0), "bias": state[f"{name}.bias"]}
        for name in ("c1", "c2")
    }
    return convs | {"l": dense(state, "l")}


# --- torch's own transformer encoder layer ----------------------------------------------------------------------------


class TorchBlock(nn.TransformerEncoderLayer):
    def __init__(self, rates=(0.2, 0.2)):
        super().__init__(8, 2, 12, rates[0], batch_first=True, layer_norm_eps=EPS)
        self.dropout2.p = rates[1]


class LinenBlock(linen.Module):
    rates: tuple = (0.2, 0.2)

    @linen.compact
    def __call__(self, x):
        rate = self.rates[0]
        attend = linen.MultiHeadDotProductAttention(
            2, dropout_rate=rate, broadcast_dropout=False, deterministic=False, name="attention"
        )
        x = self.norm("n1")(x + linen.Dropout(rate, deterministic=False)(attend(x)))
        hidden = linen.Dropout(rate, deterministic=False)(linen.relu(linen.Dense(12, name="l1")(x)))
        return self.norm("n2")(x + linen.Dropout(self.rates[1], deterministic=False)(linen.Dense(8, name="l2")(hidden)))

    def norm(self, name):
        return linen.LayerNorm(epsilon=EPS, use_fast_variance=False, name=name)


class NnxBlock(nnx.Module):
    def __init__(self, rates=(0.2, 0.2)):
        rngs = nnx.Rngs(0)
        self.attention = nnx.MultiHeadAttention(
            2, 8, dropout_rate=rates[0], broadcast_dropout=False, deterministic=False, decode=False, rngs=rngs
        )
        self.l1, self.l2 = nnx.Linear(8, 12, rngs=rngs), nnx.Linear(12, 8, rngs=rngs)
        self.n1, self.n2 = (nnx.LayerNorm(8, epsilon=EPS, use_fast_variance=False, rngs=rngs) for _ in range(2))
        self.d1, self.d2, self.d3 = (nnx.Dropout(rate, rngs=rngs) for rate in (rates[0], rates[0], rates[1]))

    def __call__(self, x):
        x = self.n1(x + self.d1(self.attention(x)))
        return self.n2(x + self.d3(self.l2(self.d2(nnx.relu(self.l1(x))))))


def block_tree(state):
    weights, biases = (np.split(state[f"self_attn.in_proj_{kind}"], 3) for kind in ("weight", "bias"))
    heads = {
        name: {"kernel": weight.T.reshape(8, 2, 4), "bias": bias.reshape(2, 4)}
        for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True)
    }
    out = dense(state, "self_attn.out_proj")
    norms = {
        ours: {"scale": state[f"{theirs}.weight"], "bias": state[f"{theirs}.bias"]}
        for ours, theirs in (("n1", "norm1"), ("n2", "norm2"))
    }
    attention = heads | {"out": {"kernel": out["kernel"].reshape(2, 4, 8), "bias": out["bias"]}}
    return norms | {"attention": attention, "l1": dense(state, "linear1"), "l2": dense(state, "linear2")}


# --- running them -----------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One model on its three legs. ``tree`` brings named torch arrays (weights or gradients) to the port's layout."""

    torch: Any
    linen: Any
    nnx: Any
    tree: Any
    shape: tuple
    channels_last: bool = False

    def inputs(self):
        x = np.random.default_rng(7).standard_normal(self.shape)
        return x, np.moveaxis(x, 1, -1) if self.channels_last else x


CASES = {
    "mlp": Case(TorchMLP, LinenMLP, NnxMLP, mlp_tree, (4, 6)),
    "conv": Case(TorchConv, LinenConv, NnxConv, conv_tree, (3, 2, 5, 6), channels_last=True),
    "block": Case(TorchBlock, LinenBlock, NnxBlock, block_tree, (3, 5, 8)),
}


def run_reference(case, seed=11, **kwargs):
    """The output, the gradients in the port's layout, the weights in it too, and the record; in float64."""
    torch.manual_seed(3)
    module = case.torch(**kwargs).double()
    x = torch.tensor(case.inputs()[0], requires_grad=True)
    with reference.replayed(seed) as record:
        y = module(x)
    y.pow(2).sum().backward()
    state = {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}
    grads = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    return (y.detach().numpy(), case.tree(grads)), case.tree(state), record


def linen_apply(model):
    return lambda params, x: model.apply({"params": params}, x, rngs=KEYS)


def nnx_apply(model):
    graph, params, rest = nnx.split(model, nnx.Param, ...)

    def apply(tree, x):
        filled = jax.tree.map(lambda leaf: leaf, params)
        nnx.replace_by_pure_dict(filled, tree)
        return nnx.merge(graph, filled, rest, copy=True)(x)

    return apply


def run_port(case, apply, params, masks, replay=True, **kwargs):
    """The output, the gradients and the record of one compiled run in float64, the masks among its arguments."""
    records = []

    def program(params, x, masks):
        def outputs(params):
            y = apply(params, x)
            return (y**2).sum(), y

        if not replay:
            return jax.grad(outputs, has_aux=True)(params)
        with port.replayed(masks, channels_last=case.channels_last, **kwargs) as record:
            records.append(record)
            return jax.grad(outputs, has_aux=True)(params)

    # Flax's layer norm promotes float64 with float32 itself.
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        arrays = jax.tree.map(lambda leaf: jnp.array(np.ascontiguousarray(leaf)), params)
        grads, y = jax.jit(program)(arrays, jnp.array(case.inputs()[1]), [jnp.array(mask) for mask in masks])
        return (np.asarray(y), jax.tree.map(np.asarray, grads)), records[0] if records else None


def masks_from(record, seed=11):
    return [draw(seed, dropout.index, dropout.shape, dropout.rate) for dropout in record.drawn]


def gap(one, other):
    """The largest difference over all arrays of two equal trees."""
    return max(
        jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max()), one, other))
    )
