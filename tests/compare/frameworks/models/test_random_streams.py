"""Random streams by name: which arguments take them, and what each kind of port is given."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from compare.errors import UsageError
from compare.frameworks.models.choose import Streamed, port_model
from compare.frameworks.models.random_streams import drawing_with, keys_of, run_key, stream_arguments

X = np.ones((2, 3), np.float32)
W = {"w": np.ones(3, np.float32)}


def test_each_stream_has_a_key_of_its_own():
    """The same in every run."""
    first, again = keys_of(("noise", "path")), keys_of(("noise", "path"))
    assert {name: jax.random.key_data(key).tolist() for name, key in first.items()} == {
        name: jax.random.key_data(key).tolist() for name, key in again.items()
    }
    assert (jax.random.key_data(first["noise"]) != jax.random.key_data(first["path"])).any()


def call(params, x, noise, rngs=None, *, path=None):
    """What a port may be called with."""


@pytest.mark.parametrize(
    ("args", "kwargs", "names"),
    [
        ((X,), {}, {"noise", "path", "rngs"}),
        ((X, X), {}, {"path", "rngs"}),
        ((X,), {"path": X}, {"noise", "rngs"}),
        ((X, X, X), {"path": X}, set()),
    ],
)
def test_what_the_batch_does_not_fill_is_given(args, kwargs, names):
    """By the names of the signature; a stream that it does not name is none of its arguments."""
    given = stream_arguments(call, ("noise", "path", "other"), args, kwargs, "every")
    assert set(given) == names
    assert given.get("rngs", "every") == "every"
    assert stream_arguments(call, (), args, kwargs, None) == {}


class Linen(linen.Module):
    """Draws in every mode."""

    stream: str = "noise"

    @linen.compact
    def __call__(self, x):
        return linen.Dense(2)(x) + jax.random.normal(self.make_rng(self.stream), (2,))


class LinenByKey(linen.Module):
    """The same, with its key as an argument."""

    @linen.compact
    def __call__(self, x, noise):
        return linen.Dense(2)(x) + jax.random.normal(noise, (2,))


class NNX(nnx.Module):
    """The same, with all streams in one argument."""

    def __init__(self, rngs):
        self.fc = nnx.Linear(3, 2, rngs=rngs)

    def __call__(self, x, rngs):
        return self.fc(x) + jax.random.normal(rngs.noise(), (2,))


class Equinox(eqx.Module):
    """The same, with a stream of another name than Equinox's ``key``."""

    fc: eqx.nn.Linear

    def __call__(self, x, noise):
        return jax.vmap(self.fc)(x) + jax.random.normal(noise, (2,))


def of_keys(params, x, rngs):
    return x * params["w"] + jax.random.normal(rngs["noise"], (3,))


PORTS = {
    "Linen": Linen,
    "Linen, its key an argument": LinenByKey,
    "NNX": lambda: NNX(nnx.Rngs(0)),
    "Equinox": lambda: Equinox(eqx.nn.Linear(3, 2, key=jax.random.key(0))),
    "a function": lambda: of_keys,
}


@pytest.mark.parametrize("kind", PORTS)
@pytest.mark.parametrize("mode", [None, False])
def test_every_kind_is_given_them_in_every_mode(kind, mode):
    """Also at float64, and the same numbers each time: a run is a function of what enters."""
    model = port_model(Streamed(PORTS[kind](), ("noise",)), (X,), {}, W)
    leaves = {path: jnp.ones(leaf.shape, leaf.dtype) for path, leaf in model.leaves.items()}
    first, again = (one.apply(leaves, (X,), {}, mode)[0] for one in (model, model))
    np.testing.assert_array_equal(first, again)
    with jax.enable_x64(True):
        wide, _ = model.widened().apply(leaves, (X,), {}, mode)
    assert wide.shape == first.shape


def evaluated(model):
    leaves = {path: jnp.ones(leaf.shape, leaf.dtype) for path, leaf in model.leaves.items()}
    return model.apply(leaves, (X,), {}, False)[0]


@pytest.mark.parametrize("stream", ["noise", "drop_path"])
def test_a_stream_that_was_not_named_is_said(stream):
    """What to write, instead of Flax's page about it."""
    with pytest.raises(UsageError, match=rf"from the stream '{stream}': name it in the pair's rngs=\('{stream}',\)"):
        evaluated(port_model(Linen(stream), (X,), {}, W))


def test_a_key_that_is_given_is_what_a_run_draws_with():
    """Only inside; several keys of it are several."""
    plain, own = jax.random.key_data(run_key()), jax.random.key(7)
    with drawing_with(own):
        assert (jax.random.key_data(run_key()) == jax.random.key_data(own)).all()
        assert (jax.random.key_data(run_key(1)) != jax.random.key_data(own)).any()
    assert (jax.random.key_data(run_key()) == plain).all()


class LinenDropout(linen.Module):
    """Half of what comes in."""

    @linen.compact
    def __call__(self, x, train):
        return linen.Dropout(0.5, deterministic=not train)(x * self.param("w", linen.initializers.ones, (64,)))


class NNXDropout(nnx.Module):
    """The same."""

    def __init__(self):
        self.w, self.dropout = nnx.Param(jnp.ones(64)), nnx.Dropout(0.5, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.dropout(x * self.w[...])


class EquinoxDropout(eqx.Module):
    """The same, for the whole batch."""

    w: jax.Array
    dropout: eqx.nn.Dropout

    def __call__(self, x, key):
        return self.dropout(x * self.w, key=key)


DRAWING = {
    "linen": LinenDropout,
    "nnx": NNXDropout,
    "equinox": lambda: EquinoxDropout(jnp.ones(64), eqx.nn.Dropout(0.5)),
}


@pytest.mark.parametrize("kind", DRAWING)
def test_each_kind_of_port_draws_with_it(kind):
    """Another key drops other entries, under jit too; without one every run drops the same."""
    x = np.ones((2, 64), np.float32)
    port = DRAWING[kind]()
    model = port_model(
        Streamed((lambda module, x, key: module(x, key), port) if kind == "equinox" else port), (x,), {}, {}
    )
    leaves = {path: np.ones(leaf.shape, np.float32) for path, leaf in model.leaves.items()}

    @jax.jit
    def run(seed):
        with drawing_with(jax.random.key(seed)):
            return model.apply(leaves, (x,), {}, True)[0]

    first, again, other = (np.asarray(run(seed)) for seed in (0, 0, 1))
    assert set(np.unique(first)) == {0.0, 2.0}
    assert (first == again).all()
    assert (first != other).any()
    assert (
        np.asarray(model.apply(leaves, (x,), {}, True)[0]) == np.asarray(model.apply(leaves, (x,), {}, True)[0])
    ).all()
