"""Flax's spectral norm in evaluation: one more step of the power iteration, found by the reference taking it too."""

import torch
from torch import nn

from compare import verify
from tests.compare.zoo.norms import Spectral, SpectralLinen


def test_a_step_in_evaluation_is_named():
    torch.manual_seed(0)
    report = verify(Spectral(nn.utils.spectral_norm), SpectralLinen(), torch.randn(5, 6), device="cpu", quick=True)
    verdicts = {one.name: str(one.verdict) for one in report.found.quantities}
    assert (verdicts["output"], verdicts["eval/output"]) == ("match", "mismatch")
    assert "one more power iteration than the reference" in report.answer
    assert report.causes[0]["certain"]
