"""A row, run: what a good guess gets wrong is seen, and so is a row that is wrong itself."""

import re

import pytest

from compare.explain.differences.difference_row import Counterpart, Row
from compare.explain.differences.run_row import difference
from compare.explain.differences.thresholds import EQUAL

USERS_MODELS = True
X = {"x": "wide(20, 8)"}


def test_what_is_apart_and_what_makes_it_equal():
    """GELU's approximation, and the other names of the same function."""
    one = difference(
        Row(("F.gelu(x)", "nn.GELU()(x)"), (Counterpart("jax.nn.gelu(x, $)", "approximate=False"),), X), "a"
    )
    (facing,) = one.ports
    assert one.names == {"F.gelu": {"approximate": "none"}, "nn.GELU": {"approximate": "none"}}
    assert facing.names == {"jax.nn.gelu": {"approximate": True}}
    assert "linen.gelu" in facing.also
    assert 4e-4 < facing.plain.apart.value < 5e-4
    assert not facing.plain.equal
    assert facing.adapted.apart.worst <= EQUAL
    assert one.fault == ""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            Row(("F.gelu(x)",), (Counterpart("jax.nn.gelu(x)"),), X),
            "F.gelu.*jax.nn.gelu.* apart, and no reason is given",
        ),
        (Row(("F.relu(x)", "F.silu(x)"), (Counterpart("jax.nn.relu(x)"),), X), "silu.* is not what .*relu.* is"),
        (Row(("F.relu(x)",), (Counterpart("jax.nn.rulu(x)"),), X), "JAX raises AttributeError"),
    ],
)
def test_a_row_that_is_wrong_says_so(row, said):
    """Another function, two of torch that are not one, and a name that JAX has not."""
    assert re.search(said, difference(row, "a").fault)


def test_what_torch_has_not_in_this_version():
    """No row."""
    assert difference(Row(("F.from_the_future(x)",)), "a") is None


def test_probes_show_where_equal_functions_differ():
    """The norm at 0: its gradient is 0 in torch, NaN in JAX."""
    row = Row(("torch.linalg.norm(x)",), (Counterpart("jnp.linalg.norm(x)"),), {"x": "normal(3)"})
    (probed,) = difference(row, "a").ports[0].plain.probes
    assert (probed.probe, probed.what, probed.reference) == ("zeros", "gradient of x", 0)
    assert probed.port != probed.port


def test_draws_are_compared_as_distributions():
    """The truncated normal of JAX is cut off elsewhere; settings mend it."""
    code = "init.trunc_normal_(torch.empty(200, 300), std=0.02)"
    port = Counterpart("jax.nn.initializers.truncated_normal(0.02, $)(key, (200, 300))", "lower=-100, upper=100")
    (facing,) = difference(Row((code,), (port,), sampled=True), "a").ports
    assert facing.plain.apart.value > 0.02
    assert facing.adapted.equal
