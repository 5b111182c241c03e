"""Why training differs where the port holds twice what the reference holds once."""

import optax
import pytest
import torch

from compare import verify
from tests.compare.weights.mapping.test_copies import IDS, PATHS, Apart, Tied


@pytest.fixture(scope="module")
def trained():
    steps = (lambda parameters: torch.optim.SGD(parameters, 0.1), lambda: optax.sgd(0.1))
    return verify(Tied(), Apart(), IDS, optimizers=steps, device="cpu", quick=True)


def test_outputs_and_gradients_are_a_match_and_training_is_told_apart(trained):
    """An optimizer steps each of them by its own gradient, which the reference's one array has the sum of."""
    verdicts = {one.name: str(one.verdict) for one in trained.found.quantities}
    assert verdicts["output"] == verdicts["grad/emb.weight"] == "match"
    assert verdicts["update/emb.weight"] == "mismatch"
    (cause,) = trained.causes
    assert cause["text"].startswith(f"{PATHS[0]} and {PATHS[1]} are one array in the reference, emb.weight")
    assert cause["text"].endswith("where each is given their sum, all that differs agrees")
