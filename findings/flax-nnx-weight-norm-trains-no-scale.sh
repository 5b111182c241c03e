#!/usr/bin/env bash
# flax 0.12.8, nnx.WeightNorm: the scale that it multiplies a normalized kernel by is a plain array, no nnx.Param. So
# nnx.grad and nnx.Optimizer(wrt=nnx.Param) pass over it, and it never trains, as the g of torch's weight_norm and the
# scale of flax.linen.WeightNorm do. A good guess (a learnable scale, as the name use_scale has it) would be wrong. In flax
# 0.12.12 it is an nnx.Param.
#
# Seen: nnx.Param holds the kernel and the bias only; after a step of SGD the scale is still all ones, the bias is not 0;
# flax.linen.WeightNorm has its scale among its params.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q flax==0.12.8 jax==0.10.2 jaxlib==0.10.2 optax==0.2.8 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import flax
import flax.linen as nn
import jax
import numpy as np
import optax
from flax import nnx

assert flax.__version__ == "0.12.8"
x = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
model = nnx.WeightNorm(nnx.Linear(4, 5, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
optimizer.update(model, nnx.grad(lambda own: (own(x) ** 2).mean() + own(x).mean())(model))
params = ["/".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(model, nnx.Param))]
(scale,) = model.scales.values()
print("nnx.Param:", params)
print("after a step: scale", np.asarray(scale), "bias", np.asarray(model.layer_instance.bias[...]).round(3))
assert not any("scale" in path for path in params), "the scale is a parameter now"
assert np.all(np.asarray(scale) == 1), "the scale trains now"
assert np.all(np.asarray(model.layer_instance.bias[...]) != 0)


class Normed(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.WeightNorm(nn.Dense(5))(x)


linen = jax.tree_util.tree_flatten_with_path(Normed().init(jax.random.key(0), x)["params"])[0]
print("linen params:", [jax.tree_util.keystr(path) for path, _ in linen])
assert any("scale" in jax.tree_util.keystr(path) for path, _ in linen)
PY
