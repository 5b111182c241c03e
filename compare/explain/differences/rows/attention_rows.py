"""Attention and transformers."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

HEADS = dict.fromkeys(("q", "k", "v"), "normal(2, 3, 5, 4)")
SWAPPED = ", ".join(f"jnp.swapaxes({name}, 1, 2)" for name in ("q", "k", "v"))
SINGLE = "jax.nn's softmax of the scores is float32, in float64 too; linen's is not"
X = {"x": "normal(2, 5, 6)"}


def _projected(prefix: str, form: str = "{{{}}}") -> str:
    """torch's packed projections, split and in heads: 2 of 3 features."""
    parts = [
        f"'{name}': {{'kernel': in_proj_weight[{6 * place}:{6 * place + 6}].T.reshape(6, 2, 3), "
        f"'bias': in_proj_bias[{6 * place}:{6 * place + 6}].reshape(2, 3)}}"
        for place, name in enumerate(("query", "key", "value"))
    ]
    out = f"'out': {{'kernel': {prefix}weight.T.reshape(2, 3, 6), 'bias': {prefix}bias}}"
    return ", ".join([*parts, out])


OUT = "out_proj_"
FUNCTIONAL = {
    "in_proj_weight": "normal(18, 6)",
    "in_proj_bias": "normal(18)",
    "out_proj_weight": "normal(6, 6)",
    "out_proj_bias": "normal(6)",
}
LINEN = f"linen.MultiHeadDotProductAttention(2).apply({{'params': {{{_projected(OUT)}}}}}, x)"
NORMED = "linen.LayerNorm(epsilon=1e-5).apply(params(scale={0}_weight, bias={0}_bias), {1})"


def _encoder(prefix: str) -> str:
    """torch's encoder layer, the norms after the sums."""
    own = LINEN
    for name in ("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias"):
        own = own.replace(name, f"{prefix}self_attn_{name}")
    first = NORMED.format(f"{prefix}norm1", f"x + {own}")
    inner = (
        f"y + jax.nn.relu(y @ {prefix}linear1_weight.T + {prefix}linear1_bias) @ {prefix}linear2_weight.T "
        f"+ {prefix}linear2_bias"
    )
    return f"(lambda y: {NORMED.format(f'{prefix}norm2', inner)})({first})"


WHOLE = "encoder and decoder layers as above, and a norm after each stack"
ROWS = (
    Row(
        ("F.scaled_dot_product_attention(q, k, v)",),
        (
            Port(f"jnp.swapaxes(jax.nn.dot_product_attention({SWAPPED}), 1, 2)", apart=SINGLE),
            Port(f"jnp.swapaxes(linen.dot_product_attention({SWAPPED}), 1, 2)"),
            Port(f"jnp.swapaxes(nnx.dot_product_attention({SWAPPED}), 1, 2)", apart=SINGLE),
        ),
        HEADS,
        "heads before positions in torch, after them in JAX",
    ),
    Row(
        ("F.scaled_dot_product_attention(q, k, v, is_causal=True)",),
        (
            Port(f"jnp.swapaxes(jax.nn.dot_product_attention({SWAPPED}, is_causal=True), 1, 2)", apart=SINGLE),
            Port(
                f"jnp.swapaxes(linen.dot_product_attention({SWAPPED}, mask=jnp.tri(3, 5, dtype=bool)), 1, 2)",
            ),
        ),
        HEADS | {"q": "normal(2, 3, 3, 4)"},
        "fewer queries than keys: the mask begins at the top left on both sides",
    ),
    Row(
        ("F.scaled_dot_product_attention(q, k, v, attn_mask=kept)",),
        (
            Port(
                f"jnp.swapaxes(jax.nn.dot_product_attention({SWAPPED}, mask=kept), 1, 2)",
                f"jnp.where(kept.any(-1, keepdims=True), "
                f"jnp.swapaxes(linen.dot_product_attention({SWAPPED}, mask=kept), "
                "1, 2), 0)",
            ),
        ),
        HEADS | {"kept": "np.tri(5, dtype=bool)[None, None] & (np.arange(5) > 0)[:, None]"},
        "True is kept on both sides; a row that keeps nothing is 0 in torch, the mean of all values in JAX",
    ),
    Row(
        ("nn.MultiheadAttention(6, 2, batch_first=True)(x, x, x, need_weights=False)[0]",),
        (
            Port(LINEN),
            Port(
                f"filled(nnx.MultiHeadAttention(2, 6, decode=False, rngs=rngs), **{{{_projected(OUT)}}})(x)",
                apart=SINGLE + "; nnx hands over to jax.nn where dropout_rate is 0",
            ),
        ),
        X,
        "batch second unless batch_first=True; three projections packed in one; nnx must be told decode",
    ),
    Row(
        (
            "F.multi_head_attention_forward(*[x.transpose(0, 1)] * 3, 6, 2, in_proj_weight, "
            "in_proj_bias, None, None, False, "
            "0.0, out_proj_weight, out_proj_bias, need_weights=False)[0].transpose(0, 1)",
        ),
        (Port(LINEN),),
        X | FUNCTIONAL,
    ),
    Row(
        ("nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)(x)",),
        (Port(equal=_encoder("")),),
        X,
        "the norms after the sums unless norm_first=True; dropout .1 by default",
    ),
    Row(
        (
            "nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True), 1, "
            "enable_nested_tensor=False)(x)",
        ),
        (Port(equal=_encoder("layers_0_")),),
        X,
        "copies of one layer: all start with the same weights",
    ),
    Row(
        ("nn.TransformerDecoderLayer(6, 2, 8)",),
        note="self-attention, attention to the memory and two Linears, as above",
    ),
    Row(("nn.TransformerDecoder(None, 0)",), note=WHOLE),
    Row(("nn.Transformer(6, 2)",), note=WHOLE),
)
