"""The answer in one sentence: where, why, or what is seen."""

from dataclasses import replace

import pytest

from compare.arrays.probes import BASE
from compare.explain.doctor.diagnosis import Cause
from compare.explain.explanation import Explanation, NamedCause, sentence_of
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Difference

SCALE = Cause("scale", "1", "2", "the port doubles it", "counterfactual", 1.0, 1e-16, None, True)
READ = replace(SCALE, evidence="read")
FIRST = Difference(FORWARD, "enc.norm", "enc/norm", "output of enc.norm", BASE, "", 1e-3, 1e-12)
TOLD = {
    "a module": (FIRST, "`enc.norm` is the first module whose output differs though its inputs agree"),
    "code between": (
        replace(FIRST, reference="enc", after="enc.fc", before="enc.norm"),
        "the code of `enc` between `enc.fc` and `enc.norm` is the first whose result differs though its inputs agree",
    ),
    "code before": (
        replace(FIRST, reference="", before="enc"),
        "the code of the model itself before `enc` is the first whose result differs though its inputs agree",
    ),
    "a layer without a counterpart in it": (
        replace(FIRST, reference="enc.act", before="enc.norm", layers=("enc.act",)),
        "`enc.act` is the first module whose output differs though its inputs agree",
    ),
    "a gradient": (
        replace(FIRST, direction=BACKWARD),
        "`enc.norm` is the first module, from the loss back, whose gradient differs though its outputs agree",
    ),
    "the loss": (replace(FIRST, direction=LOSS), "the loss differs though the outputs agree"),
    "its gradient": (
        replace(FIRST, direction=BACKWARD, reference="", in_loss=True),
        "the loss's gradient differs though the loss agrees",
    ),
    "statistics": (
        replace(FIRST, direction=STATISTICS),
        "`enc.norm` keeps other running statistics though its outputs agree",
    ),
    "updates": (replace(FIRST, direction=UPDATE), "the optimizers differ though every gradient agrees"),
}


@pytest.mark.parametrize(("first", "expected"), TOLD.values(), ids=TOLD)
def test_the_sentence_says_where(first, expected):
    """Each direction in its own words; without a cause, how large the difference is."""
    assert sentence_of(first, []) == f"{expected} (relative difference 1.0e-03, where rounding explains 1.0e-12)"


def test_a_cause_in_another_place_of_the_layer_is_the_answer_where_the_first_has_none():
    """And not one of another layer."""
    for reference, said in (("enc.norm", True), ("enc.fc", False)):
        told = sentence_of(FIRST, [NamedCause(SCALE, reference, "", of_first=False)])
        assert (": the port doubles it" in told) == said


def test_the_sentence_says_why():
    """With what was tried and how far the gap falls; what was only read has not been tried."""
    where = TOLD["a module"][1]
    tried = sentence_of(FIRST, [NamedCause(SCALE, "enc.norm", "enc/norm")])
    assert tried == f"{where}: the port doubles it; with that in the reference the gap falls from 1e+00 to 1e-16"
    assert sentence_of(FIRST, [NamedCause(READ, "enc.norm", "enc/norm")]) == f"{where}: the port doubles it"
    assert Explanation(None).sentence == ""


def test_what_is_not_certain_is_said_to_be_seen():
    """And why: it leaves something of the gap, or closes it here and not elsewhere."""
    seen = replace(SCALE, after=1e-3, certain=False)
    told = sentence_of(FIRST, [NamedCause(seen, "enc.norm", "enc/norm")])
    assert told.endswith(
        ": seen, not certain: the port doubles it (with that in the reference the gap falls from 1e+00 to 1e-03 only)"
    )
    told = sentence_of(FIRST, [NamedCause(replace(seen, after=1e-16), "enc.norm", "enc/norm")])
    assert told.endswith("(with that the gap closes here, but not on the way back or not on other data)")


def test_a_far_smaller_difference_before_it_is_not_denied():
    """The sentence leads with the one that matters, and does not say that it is the first of all."""
    leads = replace(FIRST, leads=True)
    assert sentence_of(leads, []).startswith(
        "`enc.norm` is the first module whose output differs by more than a trace though its inputs agree"
    )


def test_a_cause_of_another_place_is_not_the_firsts():
    """Where the first difference has no cause, the sentence gives none."""
    assert "doubles" not in sentence_of(FIRST, [NamedCause(SCALE, "dec.norm", "dec/norm", of_first=False)])


def test_the_sentence_says_what_is_seen_where_no_cause_is_known():
    """An array of its own name is said of several, and of no first place."""
    seen = ("in/1: the port's is zero in every entry", "the port's is 1.01 times the reference's in every entry")
    assert f"agree: {seen[1]} (relative" in sentence_of(FIRST, (), seen)
    assert "zero" not in sentence_of(FIRST, (), seen[:1])
