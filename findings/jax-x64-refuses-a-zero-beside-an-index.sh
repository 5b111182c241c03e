#!/usr/bin/env bash
# jax 0.10.2, lax.dynamic_slice and lax.dynamic_update_slice: a Python 0 among the start indices is weakly typed, and a
# good guess is that it takes the dtype of the int32 index beside it, as 0 + at does. Without x64 the call runs. Under
# jax.enable_x64 the 0 becomes int64 and is not promoted: the same line raises a TypeError, although no floating-point
# value is involved. A key/value cache written this way cannot be run in float64 as it stands.
#
# Seen: without x64 [0. 1. 0. 0.]; with it, op by op and under jit: TypeError "... must be integers of the same type, got
# int64, int32"; 0 + at stays int32 there, and c.at[0, at].set runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import jax
import jax.numpy as jnp

assert jax.__version__ == "0.10.2"
cache, new, at = jnp.zeros((2, 4)), jnp.ones((2, 1)), jnp.asarray(1, jnp.int32)


def put(cache, new, at):
    return jax.lax.dynamic_update_slice(cache, new, (0, at))


print("without x64:", put(cache, new, at)[0])
for name, call in (("op by op", put), ("jit", jax.jit(put))):
    with jax.enable_x64(True):
        try:
            call(cache, new, at)
        except TypeError as error:
            print(f"with x64, {name}: TypeError:", str(error).splitlines()[0])
        else:
            raise AssertionError("a 0 beside an int32 index is no longer refused under x64")
with jax.enable_x64(True):
    print("with x64: 0 + at is", (0 + at).dtype, "and at[0, at].set gives", cache.at[0, at].set(1.0)[0])
    assert (0 + at).dtype == jnp.int32
PY
