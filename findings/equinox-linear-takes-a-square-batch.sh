#!/usr/bin/env bash
# equinox 0.13.8, eqx.nn.Linear: a layer is written for one row. Given a whole batch it raises, unless the batch has as
# many rows as the layer has inputs: then it runs, returns an array of the batch's own shape, and has multiplied from the
# wrong side. A good guess (it broadcasts over leading axes as torch.nn.Linear and flax do, or it always refuses) would
# be wrong.
#
# Seen: 3 rows of 4: TypeError; 4 rows of 4: shape (4, 4), equal to W @ x + b, not to x @ W.T + b.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q equinox==0.13.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import equinox as eqx
import jax
import numpy as np

assert eqx.__version__ == "0.13.8"
layer = eqx.nn.Linear(4, 4, use_bias=False, key=jax.random.key(0))
x = jax.random.normal(jax.random.key(1), (4, 4))
try:
    layer(x[:3])
except TypeError as error:
    print("3 rows of 4:", type(error).__name__)
else:
    raise AssertionError("3 rows are no longer refused")
out, rows = np.asarray(layer(x)), np.asarray(jax.vmap(layer)(x))
print("4 rows of 4: shape", out.shape, "equal to W @ x:", np.allclose(out, layer.weight @ x, atol=1e-5))
assert np.allclose(out, np.asarray(layer.weight @ x), atol=1e-5)
assert not np.allclose(out, rows, atol=1e-2), "a square batch is now taken row by row"
PY
