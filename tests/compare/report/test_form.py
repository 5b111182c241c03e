"""The one form of every result. ``report`` and ``quantity`` make a pair's report, for other tests too."""

import json
import math
from dataclasses import replace
from math import inf, nan
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from compare.checkpoints.json_file import to_json
from compare.report.form import plain, train_form, verify_form
from compare.verdict.bits import PrecisionFlag
from compare.verdict.quantity import Quantity, kind_of_quantity
from compare.verdict.verdict import Judgement, Verdict, Worst
from compare.verification.certificates import Coverage, Teeth
from compare.verification.verification import PairReport
from tests.compare.measure.test_drift import FLIP, step, training

JUDGED = Judgement(
    Verdict.MATCH,
    gap=1.2e-16,
    allowed=1.14e-13,
    quiet=3e-8,
    error_reference=3.1e-8,
    error_port=2.9e-8,
    scale=0.5,
    bits_reference=24.0,
    bits_port=23.5,
    entries=12,
    worst=Worst((3, 7), 0.1, 0.25),
)
DESIGNED = {"name", "kind", "probe", "verdict", "gap", "allowed", "error_reference", "error_port", "scale"} | {
    "bits_reference",
    "bits_port",
    "worst",
}


def quantity(name: str, probe: str = "batch", kink: bool = False, **other: Any) -> Quantity:
    """One judged quantity, by default a match."""
    return Quantity(name, kind_of_quantity(name), probe, replace(JUDGED, **other), kink)


def report(*quantities: Quantity, **other: Any) -> PairReport:
    """A pair's report on them, by default on an output and a gradient."""
    made = PairReport(
        pair="drawn",
        title="drawn by hand",
        verdict=Verdict.MATCH,
        device="cpu",
        dtype="float32",
        quantities=quantities or (quantity("output"), quantity("grad/w")),
        precision=None,
        coverage=Coverage(
            counts={"output": 1, "update": 1},
            parameters=1234,
            not_compared=(),
            drawn=(),
            constants=(),
            frozen=(),
            accepted=(),
            overwritten=(),
            left_out={"fills": 0, "flushed": 0, "nonfinite": 0},
            uninformative=(),
            probes=("batch",),
            skipped={},
        ),
        teeth=Teeth(("first bias dropped",), {"output": ("first bias dropped",), "gradient": ()}),
        weight_map=("w -> w (same: both sides name and store it alike)",),
        notices=(),
    )
    return replace(made, **other)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(Verdict)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(VALUES)
def test_whatever_is_plain_can_be_written(value: Any) -> None:
    """JSON without its NaN extension holds it, and gives it back as it was."""
    form = plain(value)
    assert json.loads(json.dumps(form, allow_nan=False)) == form


@pytest.mark.parametrize(
    ("value", "word"),
    [(nan, "nan"), (-nan, "nan"), (inf, "inf"), (-inf, "-inf"), (Verdict.FLOAT32_ONLY, "float32_only")],
)
def test_what_json_cannot_hold_becomes_a_word(value: Any, word: str) -> None:
    """Alone, in a list, in a tuple, as an item and as a verdict; the word is a plain str."""
    form = plain([value, (value,), {"key": value}])
    assert form == [word, [word], {"key": word}]
    assert {type(leaf) for leaf in _leaves(form)} == {str}


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1, True, None, "nan"])
def test_what_json_can_hold_stays(value: Any) -> None:
    """To the bit and with its type, the sign of a zero included."""
    back = json.loads(json.dumps(plain(value), allow_nan=False))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_verify_has_the_keys_of_the_design() -> None:
    """DESIGN.md, section 6, for the whole, a pair, a quantity and its worst entry."""
    form = verify_form([report()], {"device": "cpu"})
    assert list(form) == ["schema", "verdict", "environment", "pairs"]
    assert (form["schema"], form["verdict"], form["environment"]) == (1, "match", {"device": "cpu"})
    pair = form["pairs"][0]
    keys = ("pair", "verdict", "device", "dtype", "quantities", "precision", "first_difference", "causes")
    assert {*keys, "coverage", "teeth"} <= set(pair)
    assert set(pair["quantities"][0]) >= DESIGNED
    assert pair["quantities"][0]["worst"] == {"index": [3, 7], "reference": 0.1, "port": 0.25}


def test_the_whole_is_as_bad_as_its_worst_pair() -> None:
    """One mismatch among matches; no pair at all is no match either."""
    reports = [report(), report(verdict=Verdict.MISMATCH), report(verdict=Verdict.FLOAT32_ONLY)]
    assert verify_form(reports, {})["verdict"] == "mismatch"
    assert verify_form([], {})["verdict"] == "incomplete"


def test_a_quantity_says_what_it_would_have_seen() -> None:
    """The detection limit is allowed / scale, and infinite for a quantity that is zero."""
    form = verify_form([report(quantity("output"), quantity("grad/w", scale=0.0))], {})
    assert [one["detection_limit"] for one in form["pairs"][0]["quantities"]] == [1.14e-13 / 0.5, "inf"]


def test_on_a_kink_the_verdict_is_match() -> None:
    """Though the judgement was a mismatch, as ``kink`` says."""
    one = verify_form([report(quantity("grad/w", kink=True, verdict=Verdict.MISMATCH))], {})["pairs"][0]["quantities"]
    assert (one[0]["verdict"], one[0]["kink"]) == ("match", True)


def test_the_certificates_are_in_it() -> None:
    """Coverage, teeth with the toothless check named, and the precision flag with its numbers."""
    flag = PrecisionFlag("port", "output", "batch", 24.0, 10.5, inf, 3, "TF32")
    pair = verify_form([report(precision=flag)], {})["pairs"][0]
    assert pair["teeth"]["toothless"] == ["gradient"]
    assert pair["coverage"]["parameters"] == 1234
    assert (pair["precision"]["side"], pair["precision"]["ratio"]) == ("port", "inf")


def test_a_report_full_of_nonfinite_numbers_can_be_written() -> None:
    """Every number of a judgement may be NaN or infinite."""
    numbers = {name: value for name, value in vars(JUDGED).items() if isinstance(value, float)}
    wild = [quantity("output", **dict.fromkeys(numbers, value), worst=Worst((0,), nan, inf)) for value in (nan, inf)]
    json.loads(to_json(verify_form([report(*wild)], {"error": nan})), parse_constant=pytest.fail)


def test_train_has_every_step_and_its_texts() -> None:
    """The run itself, under the names of its fields, beside the environment and the drift."""
    run = training(step(1), step(2, sees=inf, loss_port=nan), first_flip=FLIP, verdict=Verdict.MISMATCH)
    form = train_form(run, {"device": "cpu"})
    assert (form["schema"], form["verdict"], form["environment"]) == (1, "mismatch", {"device": "cpu"})
    assert [one["verdict"] for one in form["steps"]] == ["match", "match"]
    assert (form["steps"][1]["sees"], form["steps"][1]["loss_port"]) == ("inf", "nan")
    assert (form["plan"]["batch"], form["first_flip"]["image"], form["first_departure"]) == (5, 41, None)
    assert list(form["drift"]) == ["where", "when", "why", "sees"]
    assert math.isclose(json.loads(to_json(form))["steps"][0]["drift_32"], 1.5e-7)
