"""An NNX port: taken apart and put together for each run, and never changed itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from compare.errors import UsageError
from compare.frameworks.models.nnx_models import NNXModel

X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)


class Block(nnx.Module):
    """Everything that an NNX module may hold: layers in a list, statistics, dropout, an explicit dtype."""

    def __init__(self, rngs: nnx.Rngs):
        self.layers = nnx.List([nnx.Linear(6, 6, dtype=jnp.float32, rngs=rngs), nnx.Linear(6, 6, rngs=rngs)])
        self.norm = nnx.BatchNorm(6, momentum=0.9, dtype=jnp.float32, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.drop(self.norm(x))


@pytest.fixture
def block():
    """A module with weights of its own."""
    return Block(nnx.Rngs(0))


def leaves_of(model: NNXModel) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {path: rng.uniform(0.5, 1.5, leaf.shape) for path, leaf in model.leaves.items()}


def numbers(module: nnx.Module) -> dict:
    """Type and values of everything in it, random keys and counts included."""
    flat = {path: variable.get_value() for path, variable in nnx.to_flat_state(nnx.state(module))}
    keys = {path for path, leaf in flat.items() if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)}
    return {
        path: (leaf.dtype, np.array(jax.random.key_data(leaf) if path in keys else leaf)) for path, leaf in flat.items()
    }


def run(model: NNXModel, leaves, mode, dtype=jnp.float32):
    arrays = {path: jnp.asarray(leaf, dtype) for path, leaf in leaves.items()}
    return model.apply(arrays, (jnp.asarray(X, dtype),), {}, mode)


def test_leaves_are_named_by_collection(block):
    """Parameters and statistics as Linen would call them; random keys are neither."""
    assert {path: leaf.shape for path, leaf in NNXModel(block).leaves.items()} == {
        "params/layers/0/kernel": (6, 6),
        "params/layers/0/bias": (6,),
        "params/layers/1/kernel": (6, 6),
        "params/layers/1/bias": (6,),
        "params/norm/scale": (6,),
        "params/norm/bias": (6,),
        "batch_stats/norm/mean": (6,),
        "batch_stats/norm/var": (6,),
    }


@pytest.mark.parametrize("training", [True, False])
def test_the_users_module_is_never_changed(block, training):
    """Weights, statistics, mode, random counts, dtypes: after runs in every mode, widened ones too."""
    block.train() if training else block.eval()
    graph, before = nnx.graphdef(block), numbers(block)
    model = NNXModel(block)
    leaves = leaves_of(model)
    for mode in (True, False, None):
        run(model, leaves, mode)
    with jax.enable_x64(True):
        run(model.widened(), leaves, True, jnp.float64)
    assert nnx.graphdef(block) == graph
    for path, (dtype, array) in numbers(block).items():
        assert before[path][0] == dtype
        np.testing.assert_array_equal(array, before[path][1])
    assert block.layers[0].dtype == block.norm.dtype == jnp.float32
    assert block.drop.deterministic is not training


def test_each_run_starts_anew(block):
    """Statistics and random counts of one run do not reach the next."""
    model, leaves = NNXModel(block), leaves_of(NNXModel(block))
    first, second = run(model, leaves, True), run(model, leaves, True)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1]["batch_stats/norm/mean"], second[1]["batch_stats/norm/mean"])


def test_statistics_come_back_from_training_alone(block):
    """As the call leaves them."""
    model = NNXModel(block)
    leaves = leaves_of(model)
    _, trained = run(model, leaves, True)
    _, evaluated = run(model, leaves, False)
    x = X.astype(np.float64)
    for i in range(2):
        x = x @ leaves[f"params/layers/{i}/kernel"] + leaves[f"params/layers/{i}/bias"]
    expected = 0.9 * leaves["batch_stats/norm/mean"] + 0.1 * x.mean(0)
    np.testing.assert_allclose(trained["batch_stats/norm/mean"], expected, rtol=1e-4)
    assert set(trained) == {"batch_stats/norm/mean", "batch_stats/norm/var"}
    assert evaluated == {}


def test_training_and_evaluation_are_told_apart(block):
    """Dropout drops in training alone."""
    model, leaves = NNXModel(block), leaves_of(NNXModel(block))
    assert (np.asarray(run(model, leaves, True)[0]) == 0).any()
    assert (np.asarray(run(model, leaves, False)[0]) != 0).all()
    assert model.has_mode
    assert not NNXModel(nnx.Linear(2, 2, rngs=nnx.Rngs(0))).has_mode


def test_explicit_dtypes_are_widened(block):
    """In every layer, on a copy: 1e-12 of the weights shows in the result."""
    wide = NNXModel(block).widened()
    leaves = leaves_of(wide)
    with jax.enable_x64(True):
        out, _ = run(wide, leaves, False, jnp.float64)
        moved, _ = run(wide, {path: leaf * (1 + 1e-12) for path, leaf in leaves.items()}, False, jnp.float64)
        assert out.dtype == jnp.float64
        out, moved = np.asarray(out), np.asarray(moved)
    assert 0 < np.abs(moved - out).max() < 1e-9 * np.abs(out).max()


def test_a_shared_layer_is_one_leaf():
    """Its gradient is compared once, as the sum it is."""

    class Shared(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(6, 6, rngs=rngs)
            self.again = self.first

        def __call__(self, x):
            return self.again(self.first(x))

    model = NNXModel(Shared(nnx.Rngs(0)))
    assert len(model.leaves) == 2
    grads = jax.grad(lambda leaves: model.apply(leaves, (X,), {}, None)[0].sum())(
        {path: jnp.asarray(leaf, jnp.float32) for path, leaf in leaves_of(model).items()}
    )
    assert all(np.abs(grad).max() > 0 for grad in grads.values())


def test_an_own_kind_of_variable_is_a_collection_of_its_own():
    """Named in Linen's way."""

    class CacheTable(nnx.Variable):
        """A user's."""

    class Own(nnx.Module):
        def __init__(self):
            self.w = nnx.Param(jnp.ones(2))
            self.table = CacheTable(jnp.ones(3))

        def __call__(self, x):
            return x

    assert set(NNXModel(Own()).leaves) == {"params/w", "cache_table/table"}


def test_the_tree_is_what_optax_works_on(block):
    """The parameters alone, with their own structure."""
    model = NNXModel(block)
    leaves = {path: jnp.asarray(leaf, jnp.float32) for path, leaf in leaves_of(model).items()}
    tree = model.tree(leaves)
    assert len(jax.tree.leaves(tree)) == 6
    back = model.flat(jax.tree.map(lambda leaf: leaf + 1, tree))
    for path, leaf in back.items():
        np.testing.assert_array_equal(leaf, leaves[path] + 1)


class Sizes(tuple):
    """A tuple of a class of its own."""


def test_what_flax_does_not_walk_over_is_not_called_the_ports_failure(block):
    """The port itself runs; with a plain tuple, as it is advised, it is taken."""
    block.sizes = Sizes((1, 2))
    with pytest.raises(UsageError, match=r"the port runs, and Flax cannot walk .*IndexError.*plain ones"):
        NNXModel(block)
    block.sizes = tuple(block.sizes)
    assert NNXModel(block).leaves


class Held(nnx.Module):
    """Holds arrays and random keys as attributes that are no variables."""

    def __init__(self):
        self.layer = nnx.Linear(6, 3, rngs=nnx.Rngs(0))
        self.scale, self.table = jnp.sqrt(6.0), np.arange(3.0, dtype=np.float32)
        self.key, self.old_key = jax.random.key(0), jax.random.PRNGKey(0)

    def __call__(self, x):
        return self.layer(x) / self.scale + self.table


def test_an_attribute_that_is_no_variable_keeps_its_value():
    """It is no parameter, takes another value as a variable does, and a random key is no leaf."""
    own = Held()
    model = NNXModel(own)
    assert [path for path in model.leaves if path.startswith("params/")] == ["params/layer/bias", "params/layer/kernel"]
    assert "array/scale" in model.leaves
    assert not any("/key" in path for path in model.leaves)
    leaves = model.initial(list(model.leaves))
    np.testing.assert_allclose(run(model, leaves, None)[0], own(X), rtol=1e-5)
    halved = run(model, leaves | {"array/scale": 2 * leaves["array/scale"]}, None)[0]
    np.testing.assert_allclose(halved - own.table, (own(X) - own.table) / 2, rtol=1e-4)
