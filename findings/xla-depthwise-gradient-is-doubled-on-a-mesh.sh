#!/usr/bin/env bash
# jax 0.10.2 (jaxlib 0.10.2, CPU): on a mesh data=2,model=2 the gradient of a depthwise convolution's kernel is twice what
# it is, where the rows of input and cotangent are spread over data and nothing over model. A good guess would be wrong:
# what is written for whole arrays means the same on any mesh, and an axis that nothing is spread over should cost nothing
# but devices. No error, no warning; Shardy and GSPMD alike; as large as the axis that is not used. On data=4 it is right.
#
# Seen: 8 channels, 3 by 3; 2.0 times the gradient of one device, in every entry.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q jax==0.10.2 numpy==2.4.6
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

jax.config.update("jax_num_cpu_devices", 4)
rng = np.random.default_rng(0)
kernel, image, back = (rng.normal(size=s).astype("f4") for s in ((3, 3, 1, 8), (4, 6, 6, 8), (4, 6, 6, 8)))


def scored(kernel, image, back):
    made = jax.lax.conv_general_dilated(
        image, kernel, (1, 1), "SAME", feature_group_count=8, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return jnp.sum(made * back)


gradient = jax.jit(jax.grad(scored))
alone = np.asarray(gradient(kernel, image, back))
for shape, names, factor in (((4,), ("data",), 1.0), ((2, 2), ("data", "model"), 2.0)):
    devices = np.array(jax.devices()[:4]).reshape(shape)
    mesh = Mesh(devices, names, axis_types=(AxisType.Auto,) * len(names))
    rows, whole = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())
    given = jax.device_put(kernel, whole), jax.device_put(image, rows), jax.device_put(back, rows)
    spread = np.asarray(gradient(*given))
    ratio = float(np.vdot(spread, alone) / np.vdot(alone, alone))
    print(jax.__version__, dict(mesh.shape), "times the gradient of one device:", round(ratio, 6))
    assert abs(ratio - factor) < 1e-4
PY
