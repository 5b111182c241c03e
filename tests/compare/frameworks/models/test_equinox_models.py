"""A port that is an Equinox module: as it is or called by a function, with its state, its keys and its modes."""

import re
import threading
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.errors import UsageError, WholeBatchError
from compare.frameworks.blame import described
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.port import DropoutMismatch, replayed
from compare.frameworks.models.choose import port_model
from compare.frameworks.models.equinox_models import EquinoxModel, _running
from compare.weights.mapping.jax_trace import trace_port

KEY = jax.random.key(0)
X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)


class Dropped(eqx.Module):
    """One row: a list of layers, an activation, dropout, and a number that is no array."""

    layers: list[eqx.nn.Linear]
    activation: Any
    drop: eqx.nn.Dropout
    scale: float

    def __init__(self, rate: float = 0.5) -> None:
        self.layers = [eqx.nn.Linear(6, 5, key=KEY), eqx.nn.Linear(5, 2, key=KEY)]
        self.activation, self.drop, self.scale = jnp.tanh, eqx.nn.Dropout(rate), 2.0

    def __call__(self, x, *, key=None):
        return self.scale * self.layers[1](self.drop(self.activation(self.layers[0](x)), key=key))


class Counting(eqx.Module):
    """State of a user's own: an array and a counter."""

    linear: eqx.nn.Linear
    seen: eqx.nn.StateIndex

    def __init__(self) -> None:
        self.linear = eqx.nn.Linear(6, 2, key=KEY)
        self.seen = eqx.nn.StateIndex((jnp.array([1.5, 2.5]), jnp.array(0)))

    def __call__(self, x, state):
        mean, count = state.get(self.seen)
        state = state.set(self.seen, (mean + 1, count + 1))
        return jax.vmap(self.linear)(x) + mean, state


def rows(module, x):
    return jax.vmap(module)(x)


def rows_with_keys(module, x, key):
    return jax.vmap(module)(x, key=jax.random.split(key, len(x)))


def model_of(port: Any) -> tuple[EquinoxModel, dict[str, Any]]:
    """The port as a model, and its own arrays by path."""
    model = port_model(port, (X,), {}, {})
    assert isinstance(model, EquinoxModel)
    return model, model.flat(eqx.filter(model.module, eqx.is_inexact_array))


def test_every_floating_array_is_a_parameter_by_its_path():
    """What ``eqx.filter(module, eqx.is_inexact_array)`` keeps, as optax gets it; rates and numbers are none."""
    model, leaves = model_of((rows, Dropped()))
    shapes = {path: leaf.shape for path, leaf in model.leaves.items()}
    assert shapes == {
        "params/layers/0/weight": (5, 6),
        "params/layers/0/bias": (5,),
        "params/layers/1/weight": (2, 5),
        "params/layers/1/bias": (2,),
    }
    assert list(model.modules) == ["", "layers/0", "layers/1", "drop"]
    assert jax.tree.structure(model.tree(leaves)) == jax.tree.structure(eqx.filter(Dropped(), eqx.is_inexact_array))


def test_a_compiled_function_calls_the_module():
    """``eqx.filter_jit`` makes a module of it, which is none that holds the weights."""
    model, leaves = model_of((eqx.filter_jit(rows), Dropped(0.0)))
    assert model.leaves.keys() == leaves.keys()
    plain = rows(Dropped(0.0), jnp.asarray(X))
    np.testing.assert_allclose(model.apply(leaves, (X,), {}, None)[0], plain, rtol=1e-5)


def test_a_module_alone_is_called_with_the_whole_batch():
    class Whole(eqx.Module):
        weight: jax.Array

        def __call__(self, x):
            return x @ self.weight

    model, _ = model_of(Whole(jnp.ones((6, 2))))
    out, changed = model.apply({"params/weight": jnp.full((6, 2), 3.0)}, (X,), {}, None)
    np.testing.assert_allclose(out, X @ np.full((6, 2), 3.0), rtol=1e-6)
    assert changed == {}


def test_a_layer_of_one_row_is_not_given_as_many_rows_as_it_has_inputs():
    """Its product with a square batch exists, and is another function; mapped by a module of the user's it is right."""

    class Mapped(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, x):
            return jax.vmap(self.linear)(x)

    square = np.eye(6, dtype=np.float32)
    linear = eqx.nn.Linear(6, 6, key=KEY)
    model, leaves = model_of(linear)
    with pytest.raises(WholeBatchError, match=r"a Linear takes one row, and is given an array of shape \(6, 6\)"):
        model.apply(leaves, (square,), {}, False)
    model, leaves = model_of(Mapped(linear))
    np.testing.assert_array_equal(model.apply(leaves, (square,), {}, False)[0], jax.vmap(linear)(square))


def test_modules_inside_a_tree_are_given_to_the_function():
    """Any pytree with modules in it: it is one argument."""
    both = {"body": eqx.nn.Linear(6, 5, key=KEY), "head": eqx.nn.Linear(5, 2, key=KEY)}
    model, leaves = model_of((lambda m, x: jax.vmap(lambda row: m["head"](m["body"](row)))(x), both))
    assert list(model.modules) == ["body", "head"]
    out, _ = model.apply(leaves, (X,), {}, None)
    np.testing.assert_array_equal(out, jax.vmap(lambda row: both["head"](both["body"](row)))(jnp.asarray(X)))


def test_training_and_evaluation_are_told_by_inference():
    """The layers' flag is set on a copy; a rate of zero is no mode, and an argument is one."""
    module = Dropped()
    model, leaves = model_of((rows_with_keys, module))
    assert model.has_mode
    kept = model.apply(leaves, (X,), {}, False)[0]
    np.testing.assert_array_equal(kept, rows(eqx.nn.inference_mode(module), jnp.asarray(X)))
    assert not np.array_equal(model.apply(leaves, (X,), {}, True)[0], kept)
    assert module.drop.inference is False
    assert not model_of((rows, Dropped(0.0)))[0].has_mode
    told = []
    by_argument, leaves = model_of((lambda m, x, inference: told.append(inference) or rows(m, x), Dropped(0.0)))
    by_argument.apply(leaves, (X,), {}, True)
    assert by_argument.has_mode
    assert told == [False]


def test_a_key_is_given_by_name_unless_the_batch_fills_it():
    """An input of attention may be called key."""
    given = []
    model, leaves = model_of((lambda m, query, key: given.append(key) or rows(m, query), Dropped(0.0)))
    model.apply(leaves, (X, 7), {}, None)
    model.apply(leaves, (X,), {"key": 8}, None)
    model.apply(leaves, (X,), {}, None)
    assert given[:2] == [7, 8]
    assert jnp.issubdtype(given[2].dtype, jax.dtypes.prng_key)


def test_a_state_is_leaves_outside_params():
    """By layer and name of its index; handed on anew in each run, and the user's stays valid."""
    module, state = eqx.nn.make_with_state(Counting)()
    model, params = model_of((module, state))
    assert set(model.leaves) - set(params) == {"state/seen_0", "state/seen_1"}
    assert model.initial(["state/seen_0", "state/seen_1"])["state/seen_0"].tolist() == [1.5, 2.5]
    leaves = params | {"state/seen_0": jnp.array([10.0, 20.0])}
    for _ in range(2):
        out, changed = model.apply(leaves, (X,), {}, True)
        np.testing.assert_allclose(out, rows(module.linear, jnp.asarray(X)) + np.array([10, 20]), rtol=1e-6)
        assert changed["state/seen_0"].tolist() == [11.0, 21.0]
        assert int(changed["state/seen_1"]) == 1
    assert model.apply(leaves, (X,), {}, False)[1] == {}
    assert state.get(module.seen)[0].tolist() == [1.5, 2.5]


def test_a_state_keeps_its_dtypes_where_x64_is_on():
    """A counter made from a Python number would become a wider one there, and Equinox refuses that."""
    model, params = model_of(eqx.nn.make_with_state(Counting)())
    with jax.enable_x64(True):
        leaves = {path: jnp.asarray(leaf, jnp.float64) for path, leaf in params.items()}
        leaves |= {"state/seen_0": jnp.array([1.5, 2.5], jnp.float64)}
        out, changed = model.apply(leaves, (X.astype(np.float64),), {}, True)
    assert (out.dtype, changed["state/seen_0"].dtype, changed["state/seen_1"].dtype) == (
        jnp.float64, jnp.float64, jnp.int32,
    )  # fmt: skip


def test_an_explicit_dtype_is_float64_for_the_oracle():
    """In layers that hold one; the user's module keeps its own."""
    module = eqx.nn.RotaryPositionalEmbedding(6, dtype=jnp.float32)
    model, _ = model_of((lambda m, x: m(x), {"rope": module, "linear": eqx.nn.Linear(6, 2, key=KEY)}))
    assert model.widened().modules["rope"].dtype == jnp.float64
    assert module.dtype == jnp.float32


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ((rows, eqx.nn.make_with_state(Counting)()), "takes no argument state"),
        (((lambda m, x, state: x), eqx.nn.make_with_state(Counting)()), r"returns \(outputs, state\), got"),
        ((eqx.nn.Linear(6, 2, key=KEY), {"w": 1}), "port: expected .* an Equinox module .* got Linear"),
        (eqx.nn.Linear, "port: expected .* got "),
    ],
)
def test_what_cannot_be_called_is_told_in_one_line(port, said):
    def applied() -> None:
        model, leaves = model_of(port)
        model.apply(leaves, (X,), {}, False)

    with pytest.raises(UsageError, match=said):
        applied()


def test_a_module_that_raises_on_the_whole_batch_is_an_ordinary_error():
    """Which says what to give if it is written for one row, while it is traced; of a run its own error is told."""

    class Refusing(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, x):
            raise ValueError("at least two rows")

    model, leaves = model_of(Refusing(eqx.nn.Linear(6, 2, key=KEY)))
    with pytest.raises(
        WholeBatchError, match=r"raised ValueError on the whole batch .*jax.vmap\(module\)\(x\)"
    ) as caught:
        model.apply(leaves, (X,), {}, False)
    assert re.fullmatch(r"ValueError: at least two rows \(\S*test_equinox_models\.py:\d+\)", described(caught.value))
    with pytest.raises(UsageError, match=r"raised ValueError on the whole batch .*jax.vmap\(module\)\(x\), module\)"):
        trace_port(model, (X,), {})


def test_the_path_of_a_layer_is_told_by_the_outermost():
    module = Dropped()
    assert EquinoxModel.path(module.layers[1], [module]) == "layers/1"
    assert EquinoxModel.path(eqx.nn.Linear(1, 1, key=KEY), [module]) == ""


@pytest.mark.parametrize("call", [
    rows_with_keys,
    lambda m, x, key: jax.vmap(lambda m, row, key: m(row, key=key), in_axes=(None, 0, 0))(
        m, x, jax.random.split(key, len(x))
    ),
])  # fmt: skip
def test_layers_are_watched_inside_vmap(call):
    """Also where the module is an argument of what is mapped, and so a copy: then by the arrays that it holds, of which
    a dropout has none. Watching changes nothing."""
    model, leaves = model_of((call, Dropped()))
    seen = []

    def around(path, call, args, kwargs, rows=False):
        seen.append((path, rows))
        return call(args, kwargs)

    plain = model.apply(leaves, (X,), {}, False)[0]
    with model.watched(around):
        watched = model.apply(leaves, (X,), {}, False)[0]
    np.testing.assert_array_equal(watched, plain)
    assert [path for path, _ in seen if path != "drop"] == ["", "layers/0", "layers/1"]
    assert all(rows for _, rows in seen)
    before = len(seen)
    model.apply(leaves, (X,), {}, False)
    assert len(seen) == before


def test_another_run_beside_it_hides_no_layer():
    """Two sides share the model: which modules run belongs to the call, and nothing of it stays."""
    model, leaves = model_of((rows, Dropped(0.0)))
    others = {path: leaf + 1 for path, leaf in leaves.items()}
    seen = []

    def around(path, call, args, kwargs, rows=False):
        beside = threading.Thread(target=lambda: model.apply(others, (X,), {}, False))
        beside.start()
        beside.join()
        seen.append(path)
        return call(args, kwargs)

    with model.watched(around):
        model.apply(leaves, (X,), {}, False)
    assert seen == ["", "layers/0", "drop", "layers/1"]
    assert not _running.get()


def replay(model: EquinoxModel, leaves: Any, masks: Any) -> tuple[Any, Any]:
    records = []

    @jax.jit
    def program(leaves, masks):
        with replayed(masks) as record:
            records.append(record)
            return model.apply(leaves, (X,), {}, True)[0]

    return program(leaves, [jnp.asarray(mask) for mask in masks]), records[0]


def test_a_mask_of_all_rows_is_replayed_row_by_row():
    """Its rate is the layer's."""
    module = Dropped()
    model, leaves = model_of((rows_with_keys, module))
    mask = draw(1, 0, (4, 5), 0.5)
    out, record = replay(model, leaves, [mask])
    hidden = np.where(mask, np.tanh(rows(module.layers[0], jnp.asarray(X))) / 0.5, 0)
    np.testing.assert_allclose(out, 2 * rows(module.layers[1], jnp.asarray(hidden)), rtol=1e-5, atol=1e-6)
    assert (record.used, record.not_compared, record.asked[0].rate) == ([0], [], 0.5)


def test_rows_that_share_a_key_share_their_mask():
    """Which is another function than a mask for each row."""
    model, leaves = model_of((lambda m, x, key: jax.vmap(lambda row: m(row, key=key))(x), Dropped()))
    with pytest.raises(DropoutMismatch, match=r"asks for a mask of shape \(5,\)"):
        replay(model, leaves, [draw(1, 0, (4, 5), 0.5)])


def test_dropout_in_a_compiled_row_is_listed():
    """An inner program under vmap shows one row and no more."""
    model, leaves = model_of((
        lambda m, x, key: jax.vmap(jax.jit(lambda row, key: m(row, key=key)))(x, jax.random.split(key, len(x))),
        Dropped(),
    ))  # fmt: skip
    _, record = replay(model, leaves, [draw(1, 0, (4, 5), 0.5)])
    assert record.used == []
    assert [line.rpartition(" at ")[0] for line in record.not_compared] == ["dropout inside a vmap"]
