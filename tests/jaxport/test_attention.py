"""The port's attention."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.attention import attention, by_one_call, by_score


def arrays() -> dict[str, jax.Array]:
    """Two heads, five positions, in double under x64."""
    rng = np.random.default_rng(0)
    drawn = {name: jnp.array(rng.standard_normal((2, 5, 2, 4))) for name in ("queries", "keys", "values")}
    return drawn | {"slopes": jnp.array([0.5, 0.25])}


def test_one_call_holds_float32_inside() -> None:
    """In double the mapped score and the formula agree to double; dot_product_attention only to float32."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # it mixes the two, so the strict one refuses it
        given = arrays()
        written = attention(**given)
        scale = jnp.abs(written).max()
        assert jnp.abs(by_score(**given) - written).max() < 1e-14 * scale
        assert 1e-10 * scale < jnp.abs(by_one_call(**given) - written).max() < 1e-5 * scale


def test_no_position_sees_a_later_one() -> None:
    """The last position's key and value reach the last position's output alone."""
    given = arrays()
    before = attention(**given)
    after = attention(**given | {name: given[name].at[:, -1].add(1) for name in ("keys", "values")})
    assert jnp.array_equal(before[:, :-1], after[:, :-1])
    assert not jnp.array_equal(before[:, -1], after[:, -1])
