"""Which places are asked why they differ, and when the search ends."""

import jax.numpy as jnp
import pytest

from compare.explain import asking
from compare.explain.explain import explain
from compare.explain.locate.difference import FORWARD
from compare.explain.locate.introduced import by_place, leading
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
