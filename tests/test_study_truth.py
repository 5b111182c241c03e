"""What strangers write is what the study says it is: sound ports are sound and faulty ones are not, in plain float64.

Nothing of ``compare`` is asked: the weights are carried by the names of the layers, and each side is run by its own
framework on the exact form of its network.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

from benchmarks.study import faults, strangers
from benchmarks.study.case import batch_of
from benchmarks.study.flax_layers import LinenNet
from benchmarks.study.network import Network, layers
from benchmarks.study.reference import reference

RELATIVE = 1e-9  # far above float64's rounding in these networks, far below what float32 would leave
EACH = 4  # networks of a family


def by_name(network: Network, arrays: dict[str, np.ndarray]) -> dict[str, dict]:
    """The reference's arrays as the Linen port's tree."""
    tree = {}
    for op in layers(network.ops):
        if op.kind in ("position", "fourier"):
            tree[op.name] = {"table": arrays[op.name]}
        elif op.kind == "embed":
            tree[op.name] = {"embedding": arrays[f"{op.name}.weight"]}
        elif op.kind == "norm":
            leaves = {"scale": arrays[f"{op.name}.weight"], "bias": arrays.get(f"{op.name}.bias")}
            tree[op.name] = {leaf: array for leaf, array in leaves.items() if array is not None}
        elif op.kind == "lstm":
            tree[op.name] = lstm(*(arrays[f"{op.name}.{part}_l0"] for part in ("weight_ih", "weight_hh")))
            bias = arrays[f"{op.name}.bias_ih_l0"] + arrays[f"{op.name}.bias_hh_l0"]
            for gate, part in zip("ifgo", np.split(bias, 4), strict=True):
                tree[op.name][f"h{gate}"]["bias"] = part
        else:
            tree[op.name] = {"kernel": arrays[f"{op.name}.weight"].T}
            if op["bias"]:
                tree[op.name]["bias"] = arrays[f"{op.name}.bias"]
    return tree


def lstm(into: np.ndarray, hidden: np.ndarray) -> dict[str, dict]:
    """The kernels of the four gates, in torch's order."""
    tree = {f"i{gate}": {"kernel": part.T} for gate, part in zip("ifgo", np.split(into, 4), strict=True)}
    return tree | {f"h{gate}": {"kernel": part.T} for gate, part in zip("ifgo", np.split(hidden, 4), strict=True)}


def outputs(network: Network, faulty: Network) -> tuple[np.ndarray, np.ndarray]:
    """Of the reference of ``network`` and of the Linen port of ``faulty``, each exact and in float64."""
    exact = strangers.exact(network)
    module = reference(exact).eval().double()
    (x,) = batch_of(exact, reference(exact)).inputs.values()
    arrays = {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}
    with torch.no_grad():
        t = module(torch.from_numpy(np.array(x)) if network.vocabulary else torch.from_numpy(np.array(x)).double())
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        given = jnp.asarray(x) if network.vocabulary else jnp.asarray(x, jnp.float64)
        port: linen.Module = LinenNet(strangers.exact(faulty))
        j = port.apply({"params": jax.tree.map(jnp.asarray, by_name(network, arrays))}, given)
    assert j.dtype == jnp.float64
    return t.numpy(), np.asarray(j)


def drawn(family: str) -> list[Network]:
    """The first networks of a family."""
    networks = (strangers.draw(np.random.default_rng([7, number])) for number in range(200))
    return [network for network in networks if network.family == family][:EACH]


def apart(t: np.ndarray, j: np.ndarray) -> float:
    """Relative to the reference; infinite where the port alone overflows."""
    assert np.isfinite(t).all()
    return float(np.nan_to_num(np.linalg.norm(t - j) / np.linalg.norm(t), nan=np.inf))


@pytest.mark.parametrize("family", strangers.FAMILIES)
def test_sound_ports_are_the_same_function(family):
    """With exact tables and nothing below float64, rounding is all that is between the two sides."""
    for network in drawn(family):
        assert apart(*outputs(network, network)) < RELATIVE, network.ops


TABLES = ("table of base 10001 for 10000", "table of base 10000.1 for 10000", "table shifted by a row",
          "cache written a row late")  # fmt: skip


@pytest.mark.parametrize("fault", [*TABLES, "coupling without its tanh", "Fourier modes one fewer",
                                   "imaginary for real part", "epsilon off by 1 %"])  # fmt: skip
def test_faults_of_strangers_are_other_functions(fault):
    """In float64, by more than rounding, in nearly every network that has a place for them."""
    moved = []
    for number in range(60):
        rng = np.random.default_rng([8, number])
        network = strangers.draw(rng)
        faulty = faults.FAULTS[fault](network, rng)
        if faulty is not None and len(moved) < EACH:
            moved.append(apart(*outputs(network, faulty)))
    assert len(moved) >= 3
    assert np.median(moved) > RELATIVE, moved
