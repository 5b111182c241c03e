"""The device and the precision policy: set, read back, and shown by a product."""

import subprocess
import sys

import numpy as np
import pytest

from compare.arrays import arrays
from compare.errors import UsageError
from compare.frameworks import devices


def test_float32_means_float32_on_both_sides(cpu):
    """TF32 is off by both frameworks' own word, and a product shows it."""
    assert devices.policy() == {"torch": "highest", "torch cudnn tf32": "False", "jax": "highest"}
    assert set(devices.verify_policy(cpu)) == {"torch", "jax"}


@pytest.mark.parametrize(("bits", "side"), [(11, "jax"), (8, "jax"), (11, "torch"), (8, "torch")])
def test_a_side_that_rounds_its_products_inputs_is_refused(bits, side, cpu, monkeypatch):
    """TF32 (11 bits) or bfloat16 (8) under a setting that claims float32 is found by the error of a product."""
    own = getattr(arrays, f"to_{side}")

    def coarse(array, precision, device):
        scale = np.exp2(np.floor(np.log2(np.abs(array))) + 1 - bits)
        return own((np.round(array / scale) * scale).astype(np.float32), precision, device)

    monkeypatch.setattr(arrays, f"to_{side}", coarse)
    with pytest.raises(UsageError, match=f"{side} computes float32 products with a relative error of"):
        devices.verify_policy(cpu)


def test_a_policy_that_does_not_take_is_an_error(cpu, monkeypatch):
    """Read back, not believed."""
    monkeypatch.setattr(devices, "policy", lambda frameworks: {"torch": "high"})
    with pytest.raises(UsageError, match="did not take effect"):
        devices.set_float32_policy()


def test_tf32_needs_a_card_that_has_it(cpu):
    """Said in one line; the settings stay."""
    with pytest.raises(UsageError, match=r"tf32: expected a GPU that has it .*, got the cpu"):
        devices.set_tf32_policy(cpu)
    assert devices.policy() == devices.EXACT


@pytest.mark.parametrize(("error", "sound"), [(2.0**-23, False), (2.0**-12, True), (2.0**-9, False)])
def test_where_tf32_is_set_a_product_shows_it(cpu, monkeypatch, error, sound):
    """Neither the full precision that an override leaves, nor bfloat16."""
    monkeypatch.setattr(devices, "policy", lambda frameworks=devices.BOTH: devices.IN_TF32)
    monkeypatch.setattr(devices, "product_errors", lambda device: {"torch": 2.0**-12, "jax": error})
    if sound:
        assert devices.verify_policy(cpu)["jax"] == error
    else:
        with pytest.raises(UsageError, match=r"jax computes products with a relative error of .* where TF32 is asked"):
            devices.verify_policy(cpu)


NEWLY_SET = """
import torch
from compare.errors import UsageError
from compare.frameworks import devices

{setting}
try:
    with devices.policy_restored():
        print("entered")
except UsageError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "setting",
    [
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'; torch.set_float32_matmul_precision('highest'); "
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.rnn.fp32_precision = 'tf32', 'ieee'",
    ],
    ids=["matmul", "cudnn"],
)
def test_what_cannot_be_read_back_is_refused_in_one_line(setting):
    """In a process of its own: torch has no way back from its new interface to the one that is read here."""
    ran = subprocess.run([sys.executable, "-c", NEWLY_SET.format(setting=setting)], capture_output=True, text=True)
    assert ran.stdout.startswith("torch's precision is set by its new interface"), ran
    assert ran.stdout.count("\n") == 1


def test_an_absent_gpu_is_an_error_and_auto_is_not(cpu):
    """Asked for by name it is never replaced silently."""
    if devices.choose("auto").name == "gpu":
        pytest.skip("a GPU is present")
    assert devices.choose("auto").torch.type == "cpu"
    with pytest.raises(UsageError, match="--device gpu: expected a GPU on both sides, torch sees none, jax sees none"):
        devices.choose("gpu")


def test_importing_devices_imports_no_framework():
    """The setting that keeps JAX off the card must come before JAX."""
    program = (
        "import sys, compare.frameworks.devices as d; assert not {'jax', 'torch'} & set(sys.modules); "
        "d.share_the_card(); import os; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "false"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AssertionError(), r"^JAX does not start: JAX_PLATFORMS is 'cuda': unset it, or write cpu or cuda,cpu$"),
        (RuntimeError("no\nbackend"), r"^JAX does not start \(no backend\): JAX_PLATFORMS is 'cuda'"),
    ],
)
def test_a_platform_that_jax_does_not_find_is_one_line(error, words, monkeypatch):
    """JAX raises an AssertionError without a word where its CUDA plugin finds no card."""
    import jax

    def start():
        raise error

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "default_backend", start)
    with pytest.raises(UsageError, match=words):
        devices.choose("auto")


def test_a_cpu_that_jax_platforms_leaves_out_is_one_line(monkeypatch):
    import jax

    def none(*, backend):
        raise RuntimeError(f"Unknown backend {backend}")

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "local_devices", none)
    with pytest.raises(UsageError, match=r"^JAX has no device 'cpu' \(Unknown backend cpu\): JAX_PLATFORMS is 'cuda'"):
        devices.choose("cpu")
