"""Both sides draw the masks of one step from one seed, and every step has its own."""

from compare.pair.pair import Entering
from compare.sides.seeds import mask_seed


def entering(seed: int) -> Entering:
    return Entering(weights={}, batches=(), cotangent=1.0, hyper={}, seed=seed)


def test_each_step_of_each_seed_has_masks_of_its_own():
    """A pure function of both."""
    seeds = {mask_seed(entering(seed), step) for seed in range(5) for step in range(100)}
    assert len(seeds) == 500
    assert mask_seed(entering(3), 2) == mask_seed(entering(3), 2)
