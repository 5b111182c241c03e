"""What enters and leaves each layer of a port: Linen's and NNX's, seen and replaced; what is put back afterwards."""

import threading
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from compare.explain.locate.cuts import IN, OUT
from compare.explain.locate.layer_calls import Watch
from compare.frameworks.models import patched
from compare.frameworks.models.choose import port_model
from compare.frameworks.models.ports import PortModel
from tests.compare.explain.locate.models import WIDTH, LinenBlocks, NNXBlocks, X

Seen = list[tuple[str, int, str]]


def model_of(port: Any) -> tuple[PortModel, dict[str, Any]]:
    """The port and leaves for it, each drawn."""
    model = port_model(port, (X,), {}, {})
    rng = np.random.default_rng(0)
    return model, {path: jnp.asarray(rng.standard_normal(one.shape), one.dtype) for path, one in model.leaves.items()}


def run(
    model: PortModel,
    leaves: dict[str, Any],
    change: Callable[[tuple[str, int, str], Any], Any] | None = None,
    computed: bool = False,
) -> tuple[Any, Seen, dict[tuple[str, int], str]]:
    """The output under watch (its shape alone unless ``computed``), the boundaries in order, the calls' places."""
    seen: Seen = []

    def visit(path: str, call: int, way: str, arrays: list[Any]) -> list[Any]:
        seen.append((path, call, way))
        return [change((path, call, way), one) for one in arrays] if change else arrays

    def forward(leaves: dict[str, Any], x: Any) -> Any:
        watch = Watch(set(model.modules), visit)
        with model.watched(watch.around):
            output, _ = model.apply(leaves, (x,), {}, None)
        places.update(watch.places)
        return output

    places: dict[tuple[str, int], str] = {}
    return jax.jit(forward)(leaves, X) if computed else jax.eval_shape(forward, leaves, X), seen, places


def both(path: str, call: int = 0, *inner: tuple[str, int, str]) -> Seen:
    return [(path, call, IN), *inner, (path, call, OUT)]


@pytest.mark.parametrize(("port", "block"), [(LinenBlocks(), "block_{}"), (NNXBlocks(), "blocks/{}")])
def test_every_layer_is_seen_from_both_sides(port, block):
    """In order, inside each other, with the user's line; watching changes nothing, also for modules in a list."""
    model, leaves = model_of(port)
    output, seen, places = run(model, leaves, computed=True)
    inner: Seen = []
    for number in range(3):
        name = block.format(number)
        inner += both(name, 0, *both(f"{name}/norm"), *both(f"{name}/fc"))
    assert seen == both("", 0, *inner, *both("head"))
    assert all("models.py:" in places[block.format(1) + inside, 0] for inside in ("", "/norm", "/fc"))
    plain, _ = jax.jit(lambda leaves, x: model.apply(leaves, (x,), {}, None))(leaves, X)
    np.testing.assert_array_equal(output, plain)


@pytest.mark.parametrize("way", [IN, OUT])
@pytest.mark.parametrize("port", [LinenBlocks(), NNXBlocks()])
def test_what_the_visitor_returns_goes_on(port, way):
    """A zero in the place of what enters, or leaves, the head."""
    model, leaves = model_of(port)
    changed, _, _ = run(model, leaves, lambda at, one: jnp.zeros_like(one) if at == ("head", 0, way) else one, True)
    expected = np.zeros((len(X), 3)) + (leaves["params/head/bias"] if way == IN else 0)
    np.testing.assert_allclose(changed, expected, rtol=1e-6)


class LinenBase(linen.Module):
    """A dense layer of its own."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(WIDTH, name="fc")(x)


class LinenDerived(LinenBase):
    """It calls its base."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return 2 * super().__call__(x)


class LinenTwice(linen.Module):
    """One layer called twice."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        layer = LinenDerived(name="a")
        return layer(layer(x))


class NNXBase(nnx.Module):
    """A dense layer of its own."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.fc = nnx.Linear(WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.fc(x)


class NNXDerived(NNXBase):
    """It calls its base."""

    def __call__(self, x: Any) -> Any:
        return 2 * super().__call__(x)


class NNXInherits(NNXBase):
    """It has its base's call."""


class NNXTwice(nnx.Module):
    """Three classes of one family; one layer called twice."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.a, self.b, self.c, self.d = NNXDerived(rngs), NNXBase(rngs), NNXInherits(rngs), NNXBase(rngs)

    def __call__(self, x: Any) -> Any:
        return self.a(self.a(x)) + self.b(x) + self.c(x) + self.d(x)


def test_a_subclass_that_calls_its_base_is_one_call():
    """So that the second call of the layer is number one; in both libraries."""
    _, seen, _ = run(*model_of(LinenTwice()))
    assert [one for one in seen if one[0] == "a"] == [*both("a", 0), *both("a", 1)]
    _, seen, _ = run(*model_of(NNXTwice()))
    assert [one for one in seen if one[0] == "a"] == [*both("a", 0), *both("a", 1)]


def test_two_layers_of_one_class_are_told_apart():
    """And those of a class that inherits its call."""
    _, seen, _ = run(*model_of(NNXTwice()))
    assert [one for one in seen if one[0] in ("b", "c", "d")] == [*both("b"), *both("c"), *both("d")]


def calls_of_classes() -> dict[str, Any]:
    return {kind.__name__: vars(kind).get("__call__") for kind in (NNXBase, NNXDerived, NNXInherits, nnx.Linear)}


@pytest.mark.parametrize("fails", [False, True])
def test_nnx_classes_are_put_back(fails):
    """Also after an exception, and where a class had inherited its call."""
    before = calls_of_classes()
    model, leaves = model_of(NNXTwice())

    def change(at: Any, one: Any) -> Any:
        assert calls_of_classes()["NNXInherits"] is not None
        if fails and at == ("c", 0, IN):
            raise ArithmeticError("as a model may")
        return one

    if fails:
        with pytest.raises(ArithmeticError):
            run(model, leaves, change)
    else:
        run(model, leaves, change)
    assert calls_of_classes() == before


def test_another_thread_is_not_watched():
    """What it calls while this one watches runs as it is."""
    model, _ = model_of(NNXTwice())
    other, seen, done = NNXTwice(), [], []
    with model.watched(Watch(set(model.modules), lambda path, call, way, arrays: seen.append(path) or arrays).around):
        thread = threading.Thread(target=lambda: done.append(other(jnp.asarray(X))))
        thread.start()
        thread.join()
        assert len(done) == 1
        assert seen == []
        other(jnp.asarray(X))
        assert seen


def test_two_threads_that_watch_wait_for_each_other():
    """The second begins when the first is done, and the classes are put back."""
    model, leaves = model_of(NNXTwice())
    before = calls_of_classes()
    _, seen, _ = run(model, leaves)
    late: list[Seen] = []
    free: list[bool] = []
    asked = threading.Event()

    def watch_too() -> None:
        free.append(patched._classes.acquire(blocking=False))
        if free[0]:
            patched._classes.release()
        asked.set()
        late.append(run(model, leaves)[1])

    second = threading.Thread(target=watch_too)

    def change(at: Any, one: Any) -> Any:
        if at == ("a", 0, IN):
            second.start()
            asked.wait()
            assert late == []
        return one

    assert run(model, leaves, change)[1] == seen
    assert free == [False]
    second.join()
    assert late == [seen]
    assert calls_of_classes() == before


class LinenLifted(linen.Module):
    """A layer inside each of Linen's transformations, and one after it."""

    lifted: str

    @linen.compact
    def __call__(self, x: Any) -> Any:
        if self.lifted == "scan":
            inner = linen.scan(LinenStep, variable_axes={"params": 0}, split_rngs={"params": True}, length=2)
            x, _ = inner(name="inner")(x, None)
        elif self.lifted == "remat":
            x = linen.remat(LinenBase)(name="inner")(x)
        elif self.lifted == "jit":
            x = linen.jit(LinenBase)(name="inner")(x)
        return linen.Dense(WIDTH, name="after")(x)


class LinenStep(linen.Module):
    """For a scan."""

    @linen.compact
    def __call__(self, x: Any, _: Any) -> Any:
        return jnp.tanh(LinenBase(name="base")(x)), None


class NNXLifted(nnx.Module):
    """A layer inside each of NNX's transformations, or JAX's, and one after it."""

    def __init__(self, lifted: str) -> None:
        self.lifted = lifted
        rngs = nnx.Rngs(0)
        self.inner = nnx.vmap(NNXBase)(rngs.split(2)) if lifted == "scan" else NNXBase(rngs)
        self.after = nnx.Linear(WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        if self.lifted == "scan":
            x = nnx.scan(lambda x, inner: jnp.tanh(inner(x)), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)(x, self.inner)
        elif self.lifted == "remat":
            x = nnx.remat(lambda inner, x: inner(x))(self.inner, x)
        elif self.lifted == "jit":
            x = nnx.jit(lambda inner, x: inner(x))(self.inner, x)
        elif self.lifted == "checkpoint":
            x = jax.checkpoint(lambda x: self.inner(x))(x)
        return self.after(x)


@pytest.mark.parametrize(
    ("kind", "lifted"),
    [
        *[(LinenLifted, name) for name in ("scan", "remat", "jit")],
        *[(NNXLifted, name) for name in ("scan", "remat", "jit", "checkpoint")],
    ],
)
def test_layers_inside_transformations_are_passed_over(kind, lifted):
    """Their arrays belong to another trace: what the visitor gets can be given back, as it does here, and kept."""
    model, leaves = model_of(kind(lifted))
    kept: dict[Any, Any] = {}

    def total(leaves: dict[str, Any], x: Any) -> Any:
        def visit(path: str, call: int, way: str, arrays: list[Any]) -> list[Any]:
            (kept[path, call, way],) = arrays
            return [2 * one for one in arrays]

        with model.watched(Watch(set(model.modules), visit).around):
            output, _ = model.apply(leaves, (x,), {}, None)
        return output.sum(), {str(at): one for at, one in kept.items()}

    grads, arrays = jax.eval_shape(jax.grad(total, has_aux=True), leaves, X)
    assert {path for path, *_ in kept} == {"", "after"}
    assert len(arrays) == 4
    assert any("inner" in path for path in grads)


def test_a_function_has_no_layers():
    """Nothing is watched, nothing fails."""
    model, leaves = model_of((lambda params, x: x * params["w"], {"w": np.ones(WIDTH, np.float32)}))
    output, seen, _ = run(model, leaves)
    assert seen == []
    assert output.shape == X.shape


def test_layers_of_one_row_are_seen_for_all_rows():
    """Inside ``jax.vmap``, and once more for the steps of a sequence: the axes of the reference's arrays."""

    class Block(eqx.Module):
        norm: eqx.nn.LayerNorm
        fc: eqx.nn.Linear

        def __call__(self, x):
            return x + jax.vmap(self.fc)(jax.vmap(self.norm)(x))

    block = Block(eqx.nn.LayerNorm(WIDTH), eqx.nn.Linear(WIDTH, WIDTH, key=jax.random.key(0)))
    model = port_model((lambda module, x: jax.vmap(module)(x), block), (), {}, {})
    leaves = {path: jnp.ones(one.shape, one.dtype) for path, one in model.leaves.items()}
    shapes: dict[tuple[str, str], Any] = {}

    def visit(path: str, call: int, way: str, arrays: list[Any]) -> list[Any]:
        shapes[path, way] = [one.shape for one in arrays]
        return [jnp.zeros_like(one) if path == "fc" and way == OUT else one for one in arrays]

    def forward(leaves: dict[str, Any], x: Any) -> Any:
        with model.watched(Watch(set(model.modules), visit).around):
            return model.apply(leaves, (x,), {}, None)[0]

    x = np.random.default_rng(0).standard_normal((2, 5, WIDTH)).astype(np.float32)
    np.testing.assert_array_equal(jax.jit(forward)(leaves, x), x)  # what the layer gave is replaced in every row
    assert shapes == {(path, way): [x.shape] for path in ("", "norm", "fc") for way in (IN, OUT)}
    grad = jax.jit(jax.grad(lambda leaves: forward(leaves, x).sum()))(leaves)
    assert not any(np.any(one) for one in grad.values())
