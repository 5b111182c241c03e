"""What judging starts from: sizes on the pair's own batch, larger where the inputs are."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.frameworks import devices
from compare.pair.pair import Entering
from compare.sides.context import NOTHING_KNOWN, Context, Oracles, Witness, input_size

ORDINARY = {"output": 1.0, "grad/w": 2.0, "grad/input.x": 3.0}


def entering(factor: float) -> Entering:
    x = factor * np.array([[3.0, 4.0]], np.float32)
    return Entering({}, (Batch({"x": x, "n": np.arange(7)}),), 1.0, {})


def test_a_weights_gradient_grows_with_the_inputs():
    """What rounding leaves of a saturated one is multiplied by them; nothing else is, and nothing shrinks."""
    context = Context(ordinary=ORDINARY, input_size=5.0)
    assert context.sizes(entering(1)) == ORDINARY
    assert context.sizes(entering(10)) == pytest.approx({**ORDINARY, "grad/w": 20.0})
    assert context.sizes(entering(0.1)) == ORDINARY
    assert context.sizes(entering(np.inf)) == ORDINARY


def test_only_floating_inputs_have_a_size():
    """Integers are no factor of a gradient."""
    batch = entering(1).batches[0]
    assert input_size(batch) == pytest.approx(5.0)
    assert input_size(replace(batch, inputs={"n": np.arange(7)})) == 0.0
    assert Context(ordinary=ORDINARY).sizes(entering(10)) == ORDINARY


EXACT = np.array([0.1, 0.2])
HELD = EXACT.astype(np.float32)


def test_a_witness_is_known_by_what_it_holds():
    """Found anew, it is the one that programs were compiled for."""
    one, again = (Witness("held", {"sines": EXACT.copy()}, ((HELD.copy(), EXACT.copy()),)) for _ in range(2))
    assert one == again
    assert hash(one) == hash(again)
    assert len({Oracles(devices.choose("cpu"), True, witness) for witness in (one, again)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        Witness("kept", {"sines": EXACT}, ((HELD, EXACT),)),
        Witness("held", {"cosines": EXACT}, ((HELD, EXACT),)),
        Witness("held", {"sines": EXACT + 1e-16}, ((HELD, EXACT),)),
        Witness("held", {"sines": EXACT.reshape(1, 2)}, ((HELD, EXACT),)),
        Witness("held", {"sines": EXACT.view(np.int64)}, ((HELD, EXACT),)),
        Witness("held", {"sines": EXACT}, ((HELD, EXACT[::-1]),)),
        Witness("held", {"sines": EXACT}, ((EXACT, EXACT),)),
        Witness("held", {"sines": EXACT}),
        "held",
    ],
    ids=["text", "name", "value", "shape", "dtype", "order", "held", "none of the port", "no witness"],
)
def test_another_witness_is_another(other):
    """Whatever differs of it: a program that was compiled for one has its values inside."""
    assert Witness("held", {"sines": EXACT}, ((HELD, EXACT),)) != other


def test_a_context_is_frozen():
    """What one stage has learnt no other one changes."""
    with pytest.raises(FrozenInstanceError):
        NOTHING_KNOWN.no_oracle = "the port raised"
