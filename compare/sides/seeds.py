"""What both sides draw alike, from one seed."""

from compare.pair.pair import Entering


def mask_seed(entering: Entering, step: int) -> int:
    """The seed of the dropout masks of one training step: another in every step."""
    return entering.seed * 1000 + step
