"""Layers written out in JAX, with the faults that Flax's own layers have no setting for."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.study import tables
from benchmarks.study.network import CELLS, Edit, Op

Arrays = Mapping[str, Array]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def steep(x: Array, size: float) -> Array:
    """``x``, with a gradient ``1 + size`` times too large."""
    return x


steep.defvjp(lambda x, size: (x, None), lambda size, _, g: (g * (1 + size),))

EDITS: dict[str, Callable[[Array, float], Array]] = {
    "transposed": lambda w, size: w.T,
    "dropped": lambda w, size: jnp.zeros_like(w),
    "negated": lambda w, size: -w,
    "twice": lambda w, size: 2 * w,
    "stopped": lambda w, size: lax.stop_gradient(w),
    "rolled": lambda x, size: jnp.roll(x, 1, axis=-1),
    "mirrored": lambda w, size: jnp.flip(w, axis=0),
    "scaled": lambda w, size: w * (1 + size),
    "steep": steep,
    "entry": lambda w, size: w * jnp.asarray(1 + size * (np.arange(w.size).reshape(w.shape) == 0), w.dtype),
    "clipped": lambda w, size: jnp.clip(w, -size, size),
    "rounded": lambda w, size: w + lax.stop_gradient(size * jnp.round(w / size) - w),
    "half_stopped": lambda w, size: w * (1 - size) + lax.stop_gradient(w) * size,
    "rows_leak": lambda x, size: x + size * jnp.roll(x, 1, axis=0),
}


def edited(array: Array, edit: tuple[str, float] | None) -> Array:
    """``array`` after an edit, (what, size), if there is one."""
    return array if edit is None else EDITS[edit[0]](array, edit[1])


def with_edit(arrays: Arrays, op: Op, edit: Edit | None) -> dict[str, Array]:
    """A layer's arrays, one of them changed if the edit is meant for this layer."""
    if edit is None or edit.layer != op.name:
        return dict(arrays)
    return {**arrays, edit.leaf: edited(arrays[edit.leaf], (edit.what, edit.size))}


def layer(op: Op, x: Array, arrays: Arrays) -> Array:
    """One layer by its arrays, as ``network.shapes`` names them."""
    if op.kind == "dense":
        x = x @ arrays["kernel"]
    elif op.kind == "conv":
        x = _conv(op, x, arrays["kernel"])
    elif op.kind == "norm":
        return _norm(op, x, arrays)
    elif op.kind == "embed":
        return jnp.take(arrays["embedding"], x, axis=0)
    else:
        return _recurrent(op, x, arrays)
    return x + arrays["bias"] if "bias" in arrays else x


def _conv(op: Op, x: Array, kernel: Array) -> Array:
    size = len(op["kernel"])
    letters = "HW"[:size]
    return lax.conv_general_dilated(
        x, kernel, (op["stride"],) * size, [(op["padding"],) * 2] * size, rhs_dilation=(op["dilation"],) * size,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"), feature_group_count=op["groups"],
    )  # fmt: skip


def _norm(op: Op, x: Array, arrays: Arrays) -> Array:
    """Layer, RMS or group norm over (batch, ..., channels)."""
    shape, style = x.shape, op["style"]
    if style == "group":
        x = x.reshape(shape[0], -1, op["groups"], shape[-1] // op["groups"])
        axes: tuple[int, ...] = (1, 3)
    else:
        axes = op.get("axis", (-1,))
    ddof = op.get("ddof", 0)
    plain = op.get("uncentred") or (style == "rms" and not op.get("centred"))
    centred = x if plain else x - x.mean(axes, keepdims=True)
    variance = jnp.square(centred).mean(axes, keepdims=True)
    if ddof:
        count = x.size // variance.size
        variance = variance * count / (count - ddof)
    if op.get("stop"):
        variance = lax.stop_gradient(variance)
    deviation = jnp.sqrt(variance) + op["eps"] if op.get("eps_outside") else jnp.sqrt(variance + op["eps"])
    scale = 1 + arrays["scale"] if op.get("plus_one") else arrays["scale"]
    y = (centred / deviation).reshape(shape) * scale
    return y + arrays["bias"] if "bias" in arrays else y


def _recurrent(op: Op, x: Array, arrays: Arrays) -> Array:
    """All states of an LSTM or GRU over (batch, steps, features), with torch's gates."""
    gates, order = CELLS[op.kind][0], op.get("order", CELLS[op.kind][0])
    hidden = op["hidden"]

    def product(source: str, gate: str, array: Array) -> Array:
        y = array @ arrays[f"{source}{gate}/kernel"]
        return y + arrays[f"{source}{gate}/bias"] if f"{source}{gate}/bias" in arrays else y

    def lstm(carry: tuple[Array, Array], step: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = carry
        i, f, g, o = (product("i", gate, step) + product("h", gate, h) for gate in order)
        forget = jax.nn.sigmoid(f + op.get("forget_bias", 0.0))
        c = forget * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * (c if op.get("bare_state") else jnp.tanh(c))
        return (h, c), h

    def gru(carry: tuple[Array, Array], step: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = carry
        r, z = (jax.nn.sigmoid(product("i", gate, step) + product("h", gate, h)) for gate in order[:2])
        if op.get("reset_before"):  # the reset gate on the state, not on its product
            n = jnp.tanh(product("i", "n", step) + product("h", "n", r * h))
        else:
            n = jnp.tanh(product("i", "n", step) + r * product("h", "n", h))
        h = z * n + (1 - z) * h if op.get("update_swapped") else (1 - z) * n + z * h
        return (h, c), h

    assert set(gates) == set(order)
    start = jnp.full((x.shape[0], hidden), op.get("start", 0.0), jnp.float32 if op.get("carry32") else x.dtype)
    _, states = lax.scan(lstm if op.kind == "lstm" else gru, (start, start), jnp.swapaxes(x, 0, 1))
    return jnp.swapaxes(states, 0, 1)


def attention(op: Op, x: Array, dense: Callable[[str, Array], Array]) -> Array:
    """Self-attention of (batch, steps, width); ``dense`` applies one of its four layers, by letter."""
    batch, steps, width = x.shape
    heads, size = op["heads"], width // op["heads"]

    def split(y: Array) -> Array:
        if op.get("heads_last"):
            return y.reshape(batch, steps, size, heads).transpose(0, 3, 1, 2)
        return y.reshape(batch, steps, heads, size).transpose(0, 2, 1, 3)

    q, k, v = (split(dense(letter, x)) for letter in op.get("letters", "qkv"))
    if op["rotary"] and not op.get("rotary_missing"):
        q, k = rotated(q, op, op.get("query_offset", 0.0)), rotated(k, op)
    scale = op.get("scale", 1.0) / size ** op.get("power", 0.5)
    if op.get("cache") and op["causal"]:
        y = decoded(op, q * scale, k, v)
        return dense("o", y.transpose(0, 2, 1, 3).reshape(batch, steps, width))
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) * scale
    if op["causal"] and op.get("finfo") and "fill" not in op.settings and "diagonal" not in op.settings:
        mask = jnp.triu(jnp.full((steps, steps), jnp.finfo(jnp.float32).min, jnp.float32), 1)
        for _ in range(op["finfo"]):
            scores = scores + mask
    elif op["causal"]:
        keep = jnp.tril(jnp.ones((steps, steps), bool), op.get("diagonal", 0))
        scores = jnp.where(keep, scores, op.get("fill", -jnp.inf))
    weights = jax.nn.softmax(scores, axis=op.get("softmax_axis", -1))
    weights = lax.stop_gradient(weights) if op.get("stop") else weights
    y = jnp.einsum("bhqk,bhkd->bhqd", weights, v)
    y = y.reshape(batch, steps, width) if op.get("unmerged") else y.transpose(0, 2, 1, 3).reshape(batch, steps, width)
    return dense("o", y)


def decoded(op: Op, q: Array, k: Array, v: Array) -> Array:
    """Causal attention of (batch, heads, steps, features), token by token with a key/value cache; ``q`` is scaled."""
    steps = q.shape[2]
    zero: Array | int = 0 if op["cache"] == "plain" else jnp.int32(0)

    def step(carry: tuple[Array, Array, Array], token: tuple[Array, Array, Array]) -> tuple[Any, Array]:
        keys, values, at = carry
        query, key, value = token
        where = jnp.maximum(at - 1, 0) if op.get("late") else at
        keys = lax.dynamic_update_slice(keys, key[:, :, None], (zero, zero, where, zero))
        values = lax.dynamic_update_slice(values, value[:, :, None], (zero, zero, where, zero))
        scores = jnp.einsum("bhd,bhkd->bhk", query, keys)
        future = jnp.arange(steps) > at + op.get("diagonal", 0)
        weights = jax.nn.softmax(jnp.where(future, op.get("fill", -jnp.inf), scores), axis=-1)
        weights = lax.stop_gradient(weights) if op.get("stop") else weights
        return (keys, values, at + 1), jnp.einsum("bhk,bhkd->bhd", weights, values)

    start = (jnp.zeros_like(k), jnp.zeros_like(v), jnp.zeros((), jnp.int32))
    _, y = lax.scan(step, start, tuple(jnp.moveaxis(part, 2, 0) for part in (q, k, v)))
    return jnp.moveaxis(y, 0, 2)


def fourier(op: Op, x: Array, weight: Array) -> Array:
    """The lowest frequencies of (rows, steps, width), each through its own matrix; the others vanish."""
    weight = weight if op["complex"] else weight[..., 0] + 1j * weight[..., 1]
    if op.get("conjugated"):
        weight = weight.conj()
    modes = op.get("used", op["modes"])
    spectrum = jnp.fft.rfft(x, axis=1)
    kept = jnp.einsum("bmi,mio->bmo", spectrum[:, :modes], weight[:modes])
    padded = jnp.zeros_like(spectrum).at[:, :modes].set(kept)
    return jnp.fft.irfft(padded, n=x.shape[1], axis=1)


def lowered(style: str, x: Array, arrays: Arrays) -> Array:
    """A dense layer with its input or its product in bfloat16."""
    if style == "input":
        y = x.astype(jnp.bfloat16).astype(x.dtype) @ arrays["kernel"]
    else:
        y = jnp.matmul(x, arrays["kernel"], preferred_element_type=jnp.bfloat16).astype(x.dtype)
    return y + arrays["bias"] if "bias" in arrays else y


def rotated(x: Array, op: Op, offset: float = 0.0) -> Array:
    """Rotary positions of (batch, heads, steps, features), in halves; ``interleaved`` in neighbouring pairs."""
    cos, sin = (table.astype(x.dtype) for table in tables.rotary(op, x.shape[-2], x.dtype, offset))
    if op.get("sign"):
        sin = -sin
    if op.get("interleaved"):
        first, second = x[..., ::2], x[..., 1::2]
        return jnp.stack([first * cos - second * sin, second * cos + first * sin], -1).reshape(x.shape)
    first, second = jnp.split(x, 2, -1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], -1)
