"""A Linen port: with variables or without, widened inside every layer, and never changed."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from compare.frameworks.models.linen_models import LinenModel

X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
IDS = np.array([[0, 1, 2, 1]], np.int32)


class Block(nn.Module):
    """A layer inside a layer, each with an explicit dtype."""

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(6, dtype=jnp.float32, param_dtype=jnp.float32)(x)
        return x + nn.LayerNorm(dtype=jnp.float32)(nn.Dense(6, dtype=jnp.bfloat16)(x)).astype(x.dtype)


class Network(nn.Module):
    """Two of them, one by setup, and a layer that is given as an attribute."""

    head: nn.Module

    def setup(self):
        self.blocks = [Block(), Block()]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Normed(nn.Module):
    """Batch norm and dropout, told by one argument."""

    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        self.sow("intermediates", "seen", x)
        return nn.Dropout(0.5, deterministic=not train)(x)


class Cell(nn.Module):
    """A recurrent layer, whose first carry has the parameters' type."""

    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.OptimizedLSTMCell(3, dtype=jnp.float32))(x)


def leaves_of(model: LinenModel, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {path: rng.uniform(0.5, 1.5, leaf.shape) for path, leaf in model.leaves.items()}


def test_without_variables_the_leaves_are_those_that_init_makes():
    """By shape alone; the user's module stays without variables."""
    module = Network(nn.Dense(2))
    model = LinenModel(module, None, (X,), {})
    made = jax.eval_shape(module.init, jax.random.key(0), X)
    flat = {"/".join(str(k.key) for k in keys): leaf for keys, leaf in jax.tree_util.tree_leaves_with_path(made)}
    assert {path: leaf.shape for path, leaf in model.leaves.items()} == {k: leaf.shape for k, leaf in flat.items()}


def test_variables_that_are_given_are_the_leaves():
    """Also of a bound module, which carries its own."""
    module = nn.Dense(2)
    variables = module.init(jax.random.key(0), X)
    for model in (LinenModel(module, variables, (X,), {}), LinenModel(module.bind(variables), None, (X,), {})):
        assert {path: leaf.shape for path, leaf in model.leaves.items()} == {
            "params/kernel": (6, 2),
            "params/bias": (2,),
        }


@pytest.mark.parametrize("build", [lambda: Network(nn.Dense(2, dtype=jnp.float32)), Cell], ids=["layers", "cell"])
def test_explicit_dtypes_are_widened_in_every_layer(build):
    """Inner ones, given ones, recurrent ones: in float64 the result has digits that float32 cannot hold, and equals
    that of the same module with no explicit dtype at all."""
    module, x = build(), X.reshape(2, 2, 6) if build is Cell else X
    wide = LinenModel(module, None, (x,), {}).widened()
    leaves = leaves_of(wide)
    with jax.enable_x64(True):
        arrays = {path: jnp.asarray(leaf, jnp.float64) for path, leaf in leaves.items()}
        out, _ = wide.apply(arrays, (jnp.asarray(x, jnp.float64),), {}, None)
        assert out.dtype == jnp.float64
        slightly = {path: leaf * (1 + 1e-12) for path, leaf in arrays.items()}
        moved, _ = wide.apply(slightly, (jnp.asarray(x, jnp.float64),), {}, None)
        out, moved = np.asarray(out), np.asarray(moved)
    assert (out != out.astype(np.float32)).any()
    assert 0 < np.abs(moved - out).max() < 1e-9  # anything rounded to float32 inside would hide it


def test_a_module_that_is_not_widened_keeps_its_dtypes():
    """The working run is the user's own."""
    model = LinenModel(Network(nn.Dense(2, dtype=jnp.float32)), None, (X,), {})
    arrays = {path: jnp.asarray(leaf, jnp.float32) for path, leaf in leaves_of(model).items()}
    model.widened()
    assert model.apply(arrays, (X,), {}, None)[0].dtype == jnp.float32


def test_the_users_module_is_never_changed():
    """Not by a run, and not by a widened one, even where its trace raises."""
    module = Network(nn.Dense(2, dtype=jnp.bfloat16))
    before = copy.deepcopy(module)
    wide = LinenModel(module, None, (X,), {}).widened()
    with jax.enable_x64(True):
        arrays = {path: jnp.asarray(leaf, jnp.float64) for path, leaf in leaves_of(wide).items()}
        wide.apply(arrays, (jnp.asarray(X, jnp.float64),), {}, None)
        with pytest.raises(TypeError):
            wide.apply(arrays, (X[:, :3], X), {}, None)
        with pytest.raises(Exception, match=r"shape|dot"):
            wide.apply(arrays, (jnp.asarray(X[:, :3], jnp.float64),), {}, None)
    assert module == before
    assert module.head.dtype == jnp.bfloat16


def test_a_layer_that_the_user_gave_keeps_its_dtype():
    """A recurrent cell is the user's own object, and is widened while its layer runs, no longer."""
    cell = nn.OptimizedLSTMCell(3, dtype=jnp.float32)
    module, x = nn.RNN(cell), X.reshape(2, 2, 6)
    wide = LinenModel(module, None, (x,), {}).widened()
    with jax.enable_x64(True):
        arrays = {path: jnp.asarray(leaf, jnp.float64) for path, leaf in leaves_of(wide).items()}
        assert wide.apply(arrays, (jnp.asarray(x, jnp.float64),), {}, None)[0].dtype == jnp.float64
    assert (cell.dtype, cell.param_dtype, module.cell.dtype) == (jnp.float32, jnp.float32, jnp.float32)


def test_statistics_come_back_from_training_alone():
    """As the call leaves them; in evaluation nothing changes, and what was sown for others is no state."""
    model = LinenModel(Normed(), None, (X,), {})
    assert {path for path in model.leaves if not path.startswith("params/")} == {
        "batch_stats/BatchNorm_0/mean",
        "batch_stats/BatchNorm_0/var",
    }
    arrays = {path: jnp.asarray(leaf, jnp.float32) for path, leaf in leaves_of(model).items()}
    _, trained = model.apply(arrays, (X,), {}, True)
    _, evaluated = model.apply(arrays, (X,), {}, False)
    expected = 0.9 * arrays["batch_stats/BatchNorm_0/mean"] + 0.1 * X.mean(0)
    np.testing.assert_allclose(trained["batch_stats/BatchNorm_0/mean"], expected, rtol=1e-5)
    assert set(trained) >= {"batch_stats/BatchNorm_0/mean", "batch_stats/BatchNorm_0/var"}
    assert evaluated == {}
    assert model.has_mode


def test_what_no_leaf_sets_keeps_the_modules_own_value():
    """A constant collection without a counterpart enters every run as the model initialises it."""

    class Table(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x * self.variable("constants", "table", lambda: jnp.arange(6.0)).value + self.param(
                "b", nn.initializers.ones, ()
            )

    for given in (None, Table().init(jax.random.key(0), X)):
        model = LinenModel(Table(), given, (X,), {})
        model.fix(["constants/table"])
        out, _ = model.apply({"params/b": jnp.zeros(())}, (X,), {}, False)
        np.testing.assert_allclose(out, X * np.arange(6.0), rtol=1e-6)


def test_layers_are_known_by_path_in_the_order_of_their_first_call():
    """What a leaf belongs to, and which comes first in the forward pass."""
    model = LinenModel(Network(nn.Dense(2)), None, (X,), {})
    paths = list(model.modules)
    assert [path for path in paths if path in ("blocks_0", "blocks_1", "head")] == ["blocks_0", "blocks_1", "head"]
    assert isinstance(model.modules["blocks_0/LayerNorm_0"], nn.LayerNorm)


def test_sharding_boxes_are_undone():
    """A parameter with a partitioning is the array in it."""
    module = nn.Dense(2, kernel_init=nn.with_partitioning(nn.initializers.ones, ("in", "out")))
    model = LinenModel(module, None, (X,), {})
    assert model.leaves["params/kernel"].shape == (6, 2)
    given = LinenModel(module, module.init(jax.random.key(0), X), (X,), {})
    assert given.leaves["params/kernel"].shape == (6, 2)


def test_integer_inputs_and_keywords_are_traced():
    """Ids and a mask by keyword."""

    class Embed(nn.Module):
        @nn.compact
        def __call__(self, ids, *, mask=None):
            return nn.Embed(3, 2)(ids) * (1 if mask is None else mask[..., None])

    model = LinenModel(Embed(), None, (IDS,), {"mask": np.ones((1, 4), np.float32)})
    assert model.leaves["params/Embed_0/embedding"].shape == (3, 2)
