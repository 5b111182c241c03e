"""The reference's lessons on layers."""

import pytest
import torch

from torchref.layers import Careful, Careless, modes, object_and_function


def test_the_lessons_leave_the_global_generator_alone() -> None:
    """Dropout draws from it; the lessons lend it a seed and put it back."""
    before = torch.get_rng_state()
    object_and_function(torch.ones(4, 16), seed=3)
    modes(torch.arange(10.0).reshape(5, 2), torch.ones(5, 2), torch.zeros(2), torch.ones(2), seed=3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("model", "obeys"), [(Careful, True), (Careless, False)])
def test_eval_reaches_the_object_and_not_the_function(model: type[torch.nn.Module], obeys: bool) -> None:
    """In eval mode the one is the ReLU, the other still drops about half."""
    x = torch.ones(50, 40)
    assert torch.equal(model().eval()(x), x) is obeys
    assert not torch.equal(model().train()(x), x)


def test_the_running_variance_is_the_unbiased_one() -> None:
    """n - 1 in the denominator: a tenth of it is taken in at each batch."""
    x = torch.tensor([[0.0], [2.0]])
    found = modes(x, torch.ones(2, 1), torch.zeros(1), torch.zeros(1), seed=0)
    torch.testing.assert_close(found["running variance"], torch.tensor([0.2]))
    torch.testing.assert_close(found["running variance, from the biased one"], torch.tensor([0.1]))
