"""The code of one section: the reference's calls and layers in it, the port's operations and their lines."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from compare.explain.calls.call import Call, Described
from compare.explain.locate.cuts import IN, OUT, Cut, Passage
from compare.explain.locate.segments import Code, Stretch, _leading_there, operations, stretches
from tests.compare.explain.locate.models import looked, slightly


def call(name: str, module: str = "") -> Call:
    return Call(0, name, (), {}, "net.py:1", module)


def test_a_run_is_cut_into_stretches_each_of_one_layers_own_code():
    """Calls by their numbers; what runs before and after the model belongs to nobody."""
    passages = [
        Passage("", 0, IN, number=1),
        Passage("a", 0, IN, number=3, layers=("relu",)),
        Passage("a", 0, OUT, number=4),
        Passage("", 0, OUT, number=6, layers=("drop",)),
    ]
    assert stretches(passages, 7) == [
        Stretch(None, 0, 1, ()),
        Stretch(("", 0), 1, 3, ("relu",)),
        Stretch(("a", 0), 3, 4, ()),
        Stretch(("", 0), 4, 6, ("drop",)),
        Stretch(None, 6, 7, ()),
    ]


@pytest.mark.parametrize(
    ("calls", "layers", "sole"),
    [
        ([call("gelu", "mlp.act")], ("mlp.act",), "mlp.act"),
        ([call("gelu", "mlp.act"), call("reshape", "mlp")], ("mlp.act",), "mlp.act"),
        ([call("gelu", "mlp.act"), call("add", "mlp")], ("mlp.act",), ""),
        ([call("gelu", "a"), call("max_pool2d", "b")], ("a", "b"), ""),
        ([call("mul", "act.inner")], ("act",), "act"),
        ([call("mul", "actual")], ("act",), ""),
        ([call("reshape")], (), ""),
    ],
)
def test_the_one_layer_that_computes_is_known(calls, layers, sole):
    """Reshaping computes nothing; a name that only begins alike is another layer."""
    assert Code(tuple(calls), layers).sole_layer == sole


def names(code: Code) -> list[str]:
    return [one.name for one in code.calls]


def test_the_code_of_a_layer_is_its_own_without_the_layers_in_it():
    """The second block's: what comes after its dense layer."""
    code, _ = looked("two blocks").codes
    assert (names(code), code.layers) == (["gelu", "add"], ("blocks.1.act",))
    assert (code.after, code.before) == ("blocks.1.fc", "")


CODES = {
    "a norm's epsilon": (["layer_norm"], ("", "")),
    "code between layers": (["tanh"], ("first", "norm")),
    "a gradient between layers": (["tanh"], ("first", "")),
    "an input's gradient": (["linear"], ("", "")),
    "a parameter's gradient": (["linear"], ("", "")),
    "the loss": (["pow", "sum"], ("", "")),
    "the loss's gradient": (["pow", "sum"], ("", "")),
}


@pytest.mark.parametrize(("name", "expected"), CODES.items(), ids=CODES)
def test_the_code_of_a_difference(name, expected):
    """The calls of its section alone, and the layers that it stands between."""
    (code,) = looked(name).codes
    assert (names(code), (code.after, code.before)) == expected


def test_operations_lead_to_the_results_asked_for():
    """With their lines, in order; those inside a compiled function too; one with a gradient of its own is told so."""

    def program(x, y):
        a = jnp.tanh(x)
        b = jax.jit(lambda y: jnp.exp(y) * 2)(y)
        return a + 1, slightly(b), x

    closed = jax.make_jaxpr(program)(1.0, 2.0)
    assert [name for name, _ in operations(closed, [0])] == ["tanh", "add"]
    assert [name for name, _ in operations(closed, [1])] == ["exp", "mul", "custom_vjp_call"]
    assert operations(closed, [2]) == []
    assert [name for name, _ in operations(closed, [1, 0])][:2] == ["tanh", "exp"]
    assert all("test_segments.py:" in place for _, place in operations(closed, [0, 1]))


def test_a_gradient_that_a_library_stops_is_not_the_ports():
    """The largest entry of a softmax, which jax.nn subtracts without a gradient: whoever wrote it stopped nothing."""
    closed = jax.make_jaxpr(lambda x: (jax.nn.log_softmax(x), jax.lax.stop_gradient(x)))(jnp.ones((2, 3)))
    names = [[name for name, _ in operations(closed, [at])] for at in (0, 1)]
    assert "library stop_gradient" in names[0]
    assert "stop_gradient" not in names[0]
    assert names[1] == ["stop_gradient"]


def test_calls_whose_results_other_cuts_alone_take_lead_nowhere_else():
    """What another cut takes goes on from the reference's own array; a result that nothing takes may be written."""

    def call(number: int, takes: int, makes: int) -> Call:
        given, made = (Described((2,), "float32", True, tag=tag) for tag in (takes, makes))
        return Call(number, "exp", (given,), {}, "", "", made)

    # 1 -> 2 enters the layer "a", which the port has; 3 leaves it; 3 -> 4 goes through "b", which it has not, as 5.
    calls = [call(0, 1, 2), call(1, 3, 4), call(2, 5, 6), call(3, 1, 9)]
    there = Passage("c", 0, IN, tags=[(6, 7)])
    passages = [Passage("a", 0, IN, tags=[(2, 8)]), Passage("b", 0, IN, tags=[(4, 5)]), there]
    own = {Cut("a", 0, IN, 0), Cut("c", 0, IN, 0)}
    matched = {cut: (cut, None) for cut in own}
    sections: Any = SimpleNamespace(calls=calls, passages=passages, matched=matched, through={5: 4})
    assert [one.number for one in _leading_there(sections, calls, there)] == [1, 2, 3]
