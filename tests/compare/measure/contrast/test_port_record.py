"""The port's loss and gradient, traced and evaluated."""

import jax
import pytest

from compare.measure.contrast.port_record import record_port
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32
from tests.compare.measure.contrast.test_facing import ROWS, Doubled, FlaxDoubled

USERS_MODELS = True


@pytest.fixture(scope="module")
def record(cpu):
    """A layer, doubled."""
    prepared = prepare(Pair(reference=Doubled(), port=FlaxDoubled(), batch=ROWS))
    return record_port(prepared, prepared.enter(0, 1).at(FLOAT32), cpu, ())


def test_the_loss_needs_its_own_half(record):
    """And the gradient what is left; each gradient is a value of the program."""
    names = {at: one.name for at, one in enumerate(record.equations) if one.own}
    loss = [name for at, name in names.items() if at in record.in_loss]
    assert [name for name in loss if name in ("dot_general", "add")] == ["dot_general", "add", "add"]
    assert {name for at, name in names.items() if at not in record.in_loss} >= {"dot_general", "add_any", "reduce_sum"}
    assert {path: record.flow.values[number].shape for path, number in record.gradients.items()} == {
        "params/layer/kernel": (4, 3), "params/layer/bias": (3,),
    }  # fmt: skip


def test_what_the_harness_traces_is_not_the_models(record):
    """The product with the cotangent, and its sum."""
    others = {one.name for one in record.equations if not one.own}
    assert "dot_general" in others or "reduce_sum" in others
    assert not jax.config.jax_enable_x64


def test_the_cotangent_is_no_residual(record):
    """A sum of a product with it keeps it: the pair's own model keeps its input and nothing else."""
    assert [(one.kept.shape, one.kept.same_as) for one in record.residuals] == [((5, 4), "x")]
