"""The first difference in words, with the lines of both sides."""

from pathlib import Path

import pytest

from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS
from compare.explain.locate.locate import difference, located, look
from tests.compare.explain.locate import models
from tests.compare.explain.locate.models import LinenChain, brought_together, chain_pair, looked


def line(text: str) -> str:
    """ "file:line" of the one line of ``models.py`` with ``text``."""
    lines = Path(models.__file__).read_text().splitlines()
    (number,) = [number for number, one in enumerate(lines, 1) if text in one]
    return f"models.py:{number}"


FIRST = {
    "a norm's epsilon": (FORWARD, "norm", "norm", "output of norm"),
    "code between layers": (FORWARD, "", "", "input of norm"),
    "an input's gradient": (BACKWARD, "first", "first", "gradient of the input of first"),
    "a gradient between layers": (BACKWARD, "", "", "gradient of the output of first"),
    "a parameter's gradient": (BACKWARD, "last", "last", "grad/last.bias"),
    "the loss": (LOSS, "loss", "loss", "loss"),
    "the loss's gradient": (BACKWARD, "loss", "loss", "gradient of the output of the model"),
    "a batch norm's momentum": (STATISTICS, "norm", "norm", "state/norm.running_mean"),
    "another shape": (FORWARD, "last", "last", "output of last"),
}


@pytest.mark.parametrize(("name", "expected"), FIRST.items(), ids=FIRST)
def test_the_first_difference(name, expected):
    """Its direction, the layers and the quantity; what rounding explains is far less than the gap."""
    found = located(looked(name)).first
    assert (found.direction, found.reference, found.port, found.quantity) == expected
    assert found.reason or found.gap > 1e6 * found.allowed
    assert (found.probe, found.mode) == ("batch", "training" if "momentum" in name else "")
    assert found.in_loss is ("loss" in name)


def test_the_lines_of_both_sides():
    """Of a layer, where it is called; of code, where it computes last; of the port's gradient, what stops it."""
    norm = located(looked("a norm's epsilon")).first
    assert norm.place_reference.endswith(line("return self.last(self.norm(torch.tanh(self.first(x))))"))
    assert norm.place_port.endswith(line('x = linen.LayerNorm(epsilon=self.epsilon, name="norm")(self.between(x))'))
    stops = looked("a gradient between layers")
    first = located(stops).first
    assert first.place_port == norm.place_port
    assert [name for name, _ in stops.operations[0]] == ["tanh", "stop_gradient"]
    assert (first.after, first.before) == ("first", "")


def test_a_layer_without_a_counterpart_and_every_place():
    """Two blocks differ: both are told, the first with how many more there are."""
    made = located(looked("two blocks"))
    assert (made.first.reference, made.first.layers, made.first.more) == ("blocks.1", ("blocks.1.act",), 1)
    assert difference(looked("two blocks"), 1).reference == "blocks.2.norm"
    assert made.first.place_reference.endswith(line("return x + self.act(self.fc(self.norm(x)))"))
    assert len(made.tree) == 11


def test_where_nothing_is_found_it_says_so():
    """A sound pair has a tree, and no first difference."""
    made = located(looked("a sound chain"))
    assert made.first is None
    assert made.notes == ("no single layer introduces the difference",)
    assert {one.forward for one in made.tree} == {"agrees"}


def test_a_model_that_does_not_stand_promotion_is_looked_into_without(monkeypatch):
    """Its own errors come twice, and are raised."""
    quartet, entering = brought_together(chain_pair(LinenChain(epsilon=1e-6)))
    tried: list[bool] = []

    class Failing(models.Cutter):
        def cut(self, entering, mode):
            tried.append(self.promoted)
            if self.promoted or entering is None:
                raise ArithmeticError("as a model may")
            return super().cut(entering, mode)

    monkeypatch.setattr("compare.explain.locate.locate.Cutter", Failing)
    made = look(quartet, entering, None, "batch")
    assert (tried, made.cutter.promoted) == ([True, False], False)
    assert located(made).first.reference == "norm"
    with pytest.raises(ArithmeticError):
        look(quartet, None, None, "batch")
