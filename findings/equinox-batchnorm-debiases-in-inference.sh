#!/usr/bin/env bash
# equinox 0.13.8, eqx.nn.BatchNorm(mode="batch"): in inference the running statistics are divided by
# 1 - momentum**steps. A good guess from torch.nn.BatchNorm1d, whose running statistics are used as they are stored,
# would be wrong: after one training step the stored mean is a tenth of the batch's (momentum 0.9), and yet inference
# normalises that batch to mean 0. Whoever carries torch's running_mean into the state gets other outputs.
#
# Seen: stored mean 0.5535, batch mean 5.5352, mean of the inference output 0.0000 (as stored, it would be near 4.98).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q equinox==0.13.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import equinox as eqx
import jax

assert eqx.__version__ == "0.13.8"
norm, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(2, axis_name="batch", mode="batch", momentum=0.9, eps=1e-5)
x = 5 + jax.random.normal(jax.random.key(2), (8, 2))


def run(norm, state):
    return jax.vmap(norm, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, state)


_, state = run(norm, state)
stored = float(state.get(norm.batch_state_index)[0][0])
after, _ = run(eqx.nn.inference_mode(norm), state)
batch, mean = float(x[:, 0].mean()), float(after[:, 0].mean())
print(f"stored mean {stored:.4f}, batch mean {batch:.4f}, mean of the inference output {abs(mean):.4f}")
assert abs(stored - 0.1 * batch) < 1e-4, "the stored mean is no longer a tenth of the batch's"
assert abs(mean) < 1e-4, "inference no longer divides by 1 - momentum**steps"
PY
