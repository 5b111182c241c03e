"""Which places are asked why they differ, and when the search ends."""

from types import SimpleNamespace

import jax.numpy as jnp
import pytest

from compare.explain import asking
from compare.explain.calls.change import Change
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.explain import explain
from compare.explain.locate.difference import FORWARD
from compare.explain.locate.introduced import by_place, leading
from compare.explain.proof import Closed, Proof
from tests.compare.explain.locate.models import LinenBlocks, blocks_pair, looked_into

USERS_MODELS = True


@pytest.fixture
def asked(monkeypatch):
    """The paths of the layers that the doctor is asked about, one by one."""
    paths, known = [], asking.diagnose

    def diagnose(scene, **proving):
        paths.append(scene.reference_path)
        return known(scene, **proving)

    monkeypatch.setattr(asking, "diagnose", diagnose)
    return paths


def test_what_is_known_of_one_place_is_tried_in_the_others_at_once(asked):
    """Three norms of one epsilon: the first is asked, the others close with it, and so does the pair."""
    made = explain(looked_into(blocks_pair(LinenBlocks(faults={n: {"epsilon": 1e-6} for n in range(3)}))))
    assert asked == ["blocks.0.norm"]
    assert [(one.places, one.cause.certain) for one in made.causes] == [(3, True)]
    assert made.closing.still == ()


def test_a_place_that_is_wrong_by_something_else_is_asked_itself(asked):
    """The second norm has another epsilon, which the first one's does not close."""
    faults = {0: {"epsilon": 1e-6}, 1: {"epsilon": 1e-4}, 2: {"epsilon": 1e-6}}
    made = explain(looked_into(blocks_pair(LinenBlocks(faults=faults))))
    assert asked == ["blocks.0.norm", "blocks.1.norm"]
    assert sorted(one.places for one in made.causes) == [1, 2]
    assert made.closing.still == ()


def test_a_place_that_one_cause_closes_is_asked_in_the_end_where_the_pair_stays_open(asked):
    """A third place, of which nothing is known, keeps the pair open: then every place is asked itself."""
    faults = {0: {"epsilon": 1e-6}, 1: {"epsilon": 1e-6, "after_norm": lambda x: jnp.sin(3 * x) + x**3}}
    looked = looked_into(blocks_pair(LinenBlocks(faults=faults)))
    groups = by_place(looked.found)
    assert {group[0].direction for group in groups} == {FORWARD}
    order = leading(groups)
    found = asking.Places(looked, groups, looked.found.index(groups[order[0]][0]))
    found.ask(order)
    assert sorted(asked) == sorted({*asked})  # none twice
    assert {"blocks.0.norm", "blocks.1.norm"} <= {*asked}
    assert found.known == 2
    assert "output" in found.closing.still


def test_a_place_in_which_the_known_cause_is_not_proven_is_asked_itself(asked, monkeypatch):
    """The pair closes with one epsilon in three norms; in the second a new draw says nothing, so it is asked."""
    looked = looked_into(blocks_pair(LinenBlocks(faults={n: {"epsilon": 1e-6} for n in range(3)})))
    known = Proof.closes

    def closes(proof, group, change, under=None):
        return group[0].owner != "blocks.1.norm" and known(proof, group, change, under)

    monkeypatch.setattr(Proof, "closes", closes)
    made = explain(looked)
    assert asked == ["blocks.0.norm", "blocks.1.norm"]
    assert [(one.places, one.cause.certain) for one in made.causes] == [(3, True)]


FIRST, SECOND = Change(), Change(attributes={("", "other"): 1})


@pytest.mark.parametrize(
    "beside", [{id(FIRST): "one"}, {id(FIRST): "one", id(SECOND): "another"}], ids=["one of two", "each"]
)
def test_what_is_certain_is_told_with_what_is_beside_it(beside, monkeypatch):
    """Two changes close the section forward; the causes on the way back are those beside the one that is taken."""

    def cause(text, change=None):
        return Cause("", "", "", text, "", 1.0, 0.0, change, True)

    def diagnose(scene, proven):
        assert [proven(change) for change in (FIRST, SECOND)] == [id(change) in beside for change in (FIRST, SECOND)]
        return Diagnosis((cause("forward", FIRST),))

    way_back = SimpleNamespace(
        proof=SimpleNamespace(of=lambda group, change: Closed(True, False), closes=lambda group, change: False),
        beside=lambda group, change: (cause(beside[id(change)]),) if id(change) in beside else (),
    )
    monkeypatch.setattr(asking, "diagnose", diagnose)
    monkeypatch.setattr(asking, "scene_of", lambda looked, group: None)
    looked, group = SimpleNamespace(cutter=SimpleNamespace(exact=True)), [SimpleNamespace(direction=FORWARD)]
    made = asking._of_section(looked, group, way_back)
    assert [one.text for one in made.causes] == ["forward", "one"]
