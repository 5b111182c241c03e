"""An initializer whose shapes are known is not traced again; a wrong shape is still an error, and Flax's own."""

from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors, linen

from compare.frameworks.models import initializers
from compare.frameworks.models.initializers import shapes_known


class Scaled(linen.Module):
    """A layer of one parameter, whose initializer notes each shape that it is asked for."""

    width: int
    boxed: bool = False

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return x * self.param("scale", BOXED if self.boxed else noting, (self.width,))


def noting(key, shape):
    ASKED.append(shape)
    return jnp.ones(shape)


ASKED: list[tuple[int, ...]] = []
BOXED = linen.with_partitioning(noting, ("wide",))


@pytest.fixture(autouse=True)
def asked_nothing(monkeypatch):
    """And nothing is known: a test that runs twice in one process finds the same."""
    ASKED.clear()
    monkeypatch.setattr(initializers, "_known", WeakKeyDictionary())


def applied(module, params, x):
    with linen.intercept_methods(shapes_known):
        return module.apply({"params": params}, x)


@pytest.mark.parametrize("boxed", [False, True])
def test_an_initializer_is_traced_once_for_each_shape(boxed):
    """The parameter that is there is what the layer takes, with metadata around it or without."""
    for width, times in ((31, 1), (31, 1), (32, 2)):
        module, scale = Scaled(width, boxed=boxed), np.arange(width, dtype=np.float32)
        for _ in range(2):
            np.testing.assert_array_equal(applied(module, {"scale": scale}, np.ones(width, np.float32)), scale)
        assert len(ASKED) == times


def test_what_init_makes_is_known_at_once_and_is_what_the_initializer_makes():
    """A parameter that is not there gets its values, known shape or not."""
    for times in (1, 2):
        with linen.intercept_methods(shapes_known):
            made = Scaled(33).init(jax.random.key(0), np.zeros(33, np.float32))
        np.testing.assert_array_equal(made["params"]["scale"], np.ones(33))
        assert len(ASKED) == times
    applied(Scaled(33), made["params"], np.ones(33, np.float32))
    assert len(ASKED) == 2


def test_a_wrong_shape_is_still_flaxs_error_and_is_not_remembered():
    """Asked again it is wrong again, and the right one is right."""
    for _ in range(2):
        with pytest.raises(errors.ScopeParamShapeError):
            applied(Scaled(34), {"scale": np.ones(1, np.float32)}, np.ones(34, np.float32))
    applied(Scaled(34), {"scale": np.ones(34, np.float32)}, np.ones(34, np.float32))
    with pytest.raises(errors.ScopeParamShapeError):
        applied(Scaled(34), {"scale": np.ones(1, np.float32)}, np.ones(34, np.float32))


def test_a_missing_parameter_and_a_name_taken_twice_are_still_flaxs_errors():
    """Nothing of what Flax refuses is let through."""

    class Twice(linen.Module):
        @linen.compact
        def __call__(self, x):
            return self.param("a", noting, (2,)) + self.param("a", noting, (2,))

    with pytest.raises(errors.ScopeParamNotFoundError):
        applied(Scaled(2), {"other": np.ones(2)}, np.ones(2))
    for _ in range(2):
        with pytest.raises(errors.NameInUseError):
            applied(Twice(), {"a": np.ones(2, np.float32)}, np.ones(2))


def test_an_initializer_of_arguments_that_cannot_be_looked_up_by_is_asked_every_time():
    """A list is no key."""

    class Listed(linen.Module):
        @linen.compact
        def __call__(self, x):
            return x * self.param("scale", lambda key, shape: jnp.ones(ASKED.append(shape) or shape), [2])

    for _ in range(2):
        applied(Listed(), {"scale": np.ones(2, np.float32)}, np.ones(2))
    assert len(ASKED) == 2


def test_layers_that_are_scanned_and_set_up_are_known_too():
    """What Flax hands on in scopes of its own: layers made in ``setup``, and one body for many."""

    class Body(linen.Module):
        @linen.compact
        def __call__(self, x, _):
            return x * self.param("scale", noting, (35,)), None

    class Stack(linen.Module):
        def setup(self):
            scanned = linen.scan(Body, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
            self.body = scanned()

        def __call__(self, x):
            return self.body(x, None)[0]

    scales = np.full((3, 35), 2, np.float32)
    for _ in range(2):
        tripled = applied(Stack(), {"body": {"scale": scales}}, np.ones(35, np.float32))
        np.testing.assert_array_equal(tripled, np.full(35, 8))
    assert len(ASKED) == 1
