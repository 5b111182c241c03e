"""The port, cut: forced onto other arrays, or free; at float64 and at the working precision; as a program."""

from typing import Any

import jax
import numpy as np
import pytest
from jax.extend.core import jaxpr_as_fun

from compare.explain.locate.cuts import IN, OUT, Cut
from compare.explain.locate.layer_pairs import paired_modules
from compare.explain.locate.port import CutPort
from compare.frameworks import devices
from compare.frameworks.islands.replay import parts
from compare.sides.port import PortSide
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.explain.locate.models import CLASSES, WIDTH, brought_together, chain_pair

PRECISIONS = {"float64": (FLOAT64, 1e-12), "float32": (FLOAT32, 2e-5)}
FIRST, LAST = Cut("first", 0, OUT, 0), Cut("last", 0, IN, 0)


@pytest.fixture(scope="module")
def together():
    """The chain, and what enters."""
    return brought_together(chain_pair())


@pytest.fixture(scope="module", params=PRECISIONS.values(), ids=PRECISIONS)
def port(request, together):
    """The port at one precision, the plain side beside it, its cuts, and how exact it is."""
    (precision, exact), (quartet, entering) = request.param, together
    device = devices.choose("cpu").jax
    cut = CutPort(paired_modules(quartet.prepared), quartet.prepared, precision, device)
    plain = PortSide(quartet.prepared, precision, device).run(entering)
    return cut, entering, plain, cut.cuts(entering, None, ()), exact


def zeros(shapes: dict[Cut, Any]) -> dict[Cut, np.ndarray]:
    return {cut: np.zeros(shape) for cut, shape in shapes.items()}


def test_every_boundary_is_a_cut_with_its_shape(port):
    """And each layer's call has the user's line."""
    cut, _, _, shapes, _ = port
    rows = 5
    assert {(one.path, one.way): shape for one, shape in shapes.items()} == {
        ("", IN): (rows, WIDTH), ("", OUT): (rows, CLASSES),
        ("first", IN): (rows, WIDTH), ("first", OUT): (rows, 4),
        ("norm", IN): (rows, 4), ("norm", OUT): (rows, 4),
        ("last", IN): (rows, 4), ("last", OUT): (rows, CLASSES),
    }  # fmt: skip
    assert all("models.py:" in cut.places[path, 0] for path in ("first", "norm", "last"))


def test_a_free_run_is_the_ports_own(port):
    """Every end bit by bit that of the plain side, whatever it is given."""
    cut, entering, plain, shapes, exact = port
    free = cut.cross(entering, None, (), {one: np.ones(shape) for one, shape in shapes.items()}, zeros(shapes), True)
    assert free.ends.keys() == plain.keys()
    for name, array in plain.items():
        np.testing.assert_allclose(free.ends[name], array, rtol=exact, atol=exact, err_msg=name)
    np.testing.assert_allclose(free.values[Cut("", 0, OUT, 0)], plain["output"], rtol=exact)
    weight = entering.weights["last.weight"]
    back = free.cotangents[Cut("last", 0, OUT, 0)] @ weight
    np.testing.assert_allclose(free.cotangents[LAST], back, rtol=exact, atol=exact)


def test_what_is_sent_goes_on_and_what_is_sent_back_goes_back(port):
    """Forced: a section sees what it is given alone, in both directions."""
    cut, entering, _, shapes, exact = port
    rng = np.random.default_rng(3)
    sent = {one: rng.standard_normal(shape) for one, shape in shapes.items()}
    back = {one: rng.standard_normal(shape) for one, shape in shapes.items()}
    forced = cut.cross(entering, None, (), sent, back)
    x, weights = entering.batches[0].inputs["input0"], entering.weights
    close = {"rtol": exact, "atol": exact}
    np.testing.assert_allclose(forced.values[Cut("", 0, IN, 0)], x, **close)
    expected = sent[Cut("first", 0, IN, 0)] @ weights["first.weight"].T + weights["first.bias"]
    np.testing.assert_allclose(forced.values[FIRST], expected, **close)
    np.testing.assert_allclose(forced.values[Cut("norm", 0, IN, 0)], np.tanh(sent[FIRST]), **close)
    slope = 1 - np.tanh(sent[FIRST]) ** 2
    np.testing.assert_allclose(forced.cotangents[FIRST], back[Cut("norm", 0, IN, 0)] * slope, **close)
    np.testing.assert_allclose(forced.ends["grad/first.weight"], back[FIRST].T @ sent[Cut("first", 0, IN, 0)], **close)
    np.testing.assert_allclose(forced.ends["grad/input.input0"], back[Cut("", 0, IN, 0)], **close)


def test_where_nothing_is_sent_back_the_ports_own_goes_through(port):
    """The value is forced, the derivative is not."""
    cut, entering, _, shapes, exact = port
    rng = np.random.default_rng(4)
    sent = {one: rng.standard_normal(shape) for one, shape in shapes.items()}
    back = {one: rng.standard_normal(shape) for one, shape in shapes.items()}
    del back[Cut("norm", 0, IN, 0)]
    made = cut.cross(entering, None, (), sent, back)
    through = made.cotangents[Cut("norm", 0, IN, 0)] * (1 - np.tanh(sent[FIRST]) ** 2)
    assert np.linalg.norm(through) > 0.1
    np.testing.assert_allclose(made.cotangents[FIRST], through, rtol=exact, atol=exact)


def test_not_a_number_is_forced_away(together):
    """What the port makes before a cut does not go on, nor does its gradient, even where it is not finite."""
    quartet, entering = together
    cut = CutPort(paired_modules(quartet.prepared), quartet.prepared, FLOAT64, devices.choose("cpu").jax)
    shapes = cut.cuts(entering, None, ())
    sent = {one: np.full(shape, np.nan if one.path == "first" else 1.0) for one, shape in shapes.items()}
    made = cut.cross(entering, None, (), sent, zeros(shapes))
    assert np.isnan(made.values[FIRST]).all()
    assert np.isfinite(made.ends["output"]).all()
    assert np.isfinite(made.ends["grad/norm.weight"]).all()


def test_the_program_of_the_cuts_names_its_results(port):
    """Each result is what arrives at a cut, or an end; called with its arguments it makes what a forced run makes."""
    cut, entering, _, shapes, exact = port
    sent = {one: np.random.default_rng(5).standard_normal(shape) for one, shape in shapes.items()}
    made = cut.program_of_cuts(entering, None, (), sent)
    assert made.names == [*shapes, "output"]
    assert made.results([LAST, "output"]) == [made.names.index(LAST), len(shapes)]
    jaxpr, _ = parts(made.program)
    assert [out.aval.shape for out in jaxpr.outvars] == [*shapes.values(), (5, CLASSES)]
    with cut.x64():
        results = jaxpr_as_fun(made.program)(*made.arguments())
    forced = cut.cross(entering, None, (), sent, zeros(shapes))
    for name, result in zip(made.names, results, strict=True):
        expected = forced.ends[name] if name == "output" else forced.values[name]
        np.testing.assert_allclose(result, expected, rtol=exact, atol=exact)
    assert jax.config.jax_enable_x64 is False
