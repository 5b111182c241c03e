"""The reference's lessons on layers."""

import pytest
import torch

from torchref.layers import Careful, Careless, dropped, eight_steps, modes


def test_a_seed_inside_the_loop_draws_one_mask() -> None:
    """And draws go on where nobody seeds."""
    with torch.random.fork_rng(devices=[]):
        moving, stuck = eight_steps(torch.ones(4, 16), seed=3)
    assert all(torch.equal(one, stuck[0]) for one in stuck)
    assert not all(torch.equal(one, moving[0]) for one in moving)


def test_dropout_doubles_what_it_keeps_and_is_the_identity_in_eval() -> None:
    """Half of the numbers go, more or less."""
    x = torch.ones(50, 40)
    trained, evaluated = dropped(x)
    assert set(trained.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(evaluated, x)


@pytest.mark.parametrize(("model", "obeys"), [(Careful, True), (Careless, False)])
def test_eval_reaches_the_object_and_not_the_function(model: type[torch.nn.Module], obeys: bool) -> None:
    """In eval mode the one is the ReLU, the other still drops about half."""
    x = torch.ones(50, 40)
    assert torch.equal(model().eval()(x), x) is obeys
    assert not torch.equal(model().train()(x), x)


def test_the_running_variance_is_the_unbiased_one() -> None:
    """n - 1 in the denominator: a tenth of it is taken in at each batch."""
    x = torch.tensor([[0.0], [2.0]])
    *_, mean, variance = modes(x, torch.zeros(1), torch.zeros(1))
    torch.testing.assert_close(variance, torch.tensor([0.2]))  # the biased one would make it 0.1
    torch.testing.assert_close(mean, torch.tensor([0.1]))
