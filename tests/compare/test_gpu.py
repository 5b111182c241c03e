"""On an NVIDIA GPU: identical arrays, identical functions, and TF32 on one side is flagged."""

import jax
import pytest
import torch

from compare.frameworks import devices
from compare.pair import pairs
from compare.verdict.verdict import Verdict
from compare.verification.verification import verify

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", pairs.REGISTRY)
def test_every_gradient_matches_on_the_gpu(name, gpu):
    """Each pair of the project, every quantity on every probe, no precision flag."""
    report = verify(pairs.find(name), gpu)
    assert report.device == "gpu"
    assert {quantity.name for quantity in report.quantities if quantity.verdict is not Verdict.MATCH} == set()
    assert report.coverage.not_compared == ()
    assert report.precision is None


def test_both_sides_ran_on_the_gpu(gpu):
    """The device that was asked for, by each framework's own word."""
    assert gpu.torch.type == "cuda"
    assert gpu.jax.platform == "gpu"


def test_the_card_is_shared(gpu):
    """JAX takes what it needs: most of the card is still free after its first operation."""
    jax.numpy.ones((256, 256)).block_until_ready()
    free, total = torch.cuda.mem_get_info()
    assert free > total / 2


def test_tf32_on_the_ports_side_is_flagged(gpu):
    """The port's products in TF32, the reference's in float32: the same function, and a flag that names TF32."""
    with jax.default_matmul_precision("tensorfloat32"):
        report = verify(pairs.find("mlp"), gpu)
    _assert_flagged(report, "port")


def test_tf32_on_the_references_side_is_flagged(gpu):
    """The other way round."""
    torch.set_float32_matmul_precision("high")
    try:
        report = verify(pairs.find("mlp"), gpu)
    finally:
        devices.set_float32_policy()
    _assert_flagged(report, "reference")


def test_tf32_is_seen_in_a_product(gpu):
    """What the harness refuses to start with."""
    torch.set_float32_matmul_precision("high")
    try:
        errors = devices.product_errors(gpu)
    finally:
        devices.set_float32_policy()
    assert errors["torch"] > 10 * devices.FLOAT32_PRODUCT_ERROR
    assert errors["jax"] < devices.FLOAT32_PRODUCT_ERROR


def _assert_flagged(report, side: str) -> None:
    assert report.verdict is Verdict.MATCH
    assert report.precision is not None
    assert report.precision.side == side
    assert "TF32" in report.precision.likely
