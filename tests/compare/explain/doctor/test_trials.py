"""The search for what was changed, of a reference that is two numbers: what is tried, how often, and what is said."""

from dataclasses import replace

import numpy as np
import pytest

from compare.explain.doctor.budget import Budget
from compare.explain.doctor.fit import Fitted
from compare.explain.doctor.suspect import Number, Suspect
from compare.explain.doctor.trials import Search

X = np.linspace(0.5, 2.0, 7)
OWN = {"slope": 2.0, "level": 1.0, "edge": 1.2}


def reference(changed):
    """A line with a step in it."""
    own = OWN | changed
    return {"value": own["slope"] * X + own["level"] + np.where(own["edge"] < X, 3.0, 0.0)}


def search(port, run=reference, **options):
    allowed = {"value": 1e-12}
    return Search(run, lambda a, b: a | b, reference({}), reference(port), allowed, ["value"], **options)


def suspect(name, value, **options):
    return Suspect(name, str(OWN[name]), str(value), {name: value}, **options)


def number(name):
    def said(fitted):
        return suspect(name, fitted.number)

    return Number(OWN[name], lambda value: {name: value}, said)


def test_the_change_that_closes_the_gap_is_the_cause():
    """The first that does; what was tried before it is excluded."""
    made = search({"slope": 3.0})
    made.for_all([suspect("level", 2.0), suspect("slope", 3.0), suspect("edge", 5.0)], lambda: [])
    ((cause, change),) = made.causes()
    assert (cause.setting, cause.port, cause.certain, change) == ("slope", "3.0", True, {"slope": 3.0})
    assert cause.after == 0.0 < cause.before
    assert made.excluded() == ("level 2.0",)


def test_a_number_that_nobody_guessed_is_fitted():
    """By the slope of what it moves."""
    made = search({"level": 1.7})
    made.for_all([suspect("slope", 3.0)], lambda: [number("slope"), number("level")])
    assert [(cause.setting, cause.port) for cause, _ in made.causes()] == [("level", "1.7")]


def test_a_number_that_moves_nothing_nearby_is_found_by_halves():
    """The step stands elsewhere; only between two of the inputs is its place known."""
    found = []
    one = number("edge")
    made = search({"edge": 1.6})
    assert made.fit([Number(one.own, one.change, lambda fitted: found.append(fitted) or one.suspect(fitted))])
    assert found[0].low < found[0].number < found[0].high
    assert np.array_equal(reference({"edge": found[0].number})["value"], reference({"edge": 1.6})["value"])


def test_two_changes_that_make_up_the_gap_together():
    """Neither alone."""
    made = search({"slope": 3.0, "level": 1.25})
    made.for_all([suspect("edge", 5.0), suspect("slope", 3.0), suspect("level", 1.25)], lambda: [])
    assert sorted(cause.setting for cause, _ in made.causes()) == ["level", "slope"]
    assert made.trials[-1].suspects[0].setting != made.trials[-1].suspects[1].setting


def test_what_nothing_explains_has_no_certain_cause():
    """At most one that shrinks the gap by far."""
    made = search({"slope": 3.0, "level": 1.0001})
    made.for_all([suspect("slope", 3.0)], lambda: [])
    assert [(cause.setting, cause.certain) for cause, _ in made.causes()] == [("slope", False)]
    made = search({"slope": 3.0})
    made.for_all([suspect("edge", 5.0)], lambda: [])
    assert made.causes() == []


def test_no_more_runs_than_allowed():
    """The third of two is not made."""
    made = search({"slope": 3.0}, budget=Budget(runs=2))
    assert [made.under({}) is not None for _ in range(3)] == [True, True, False]
    assert made.budget.count == 2


@pytest.mark.parametrize("run", [lambda change: {}, lambda change: 1 / 0], ids=["nothing", "raises"])
def test_a_change_under_which_the_reference_does_not_run_is_no_result(run):
    """It counts as a run, and is neither a cause nor excluded."""
    made = search({"slope": 3.0}, run=run)
    made.for_all([suspect("slope", 3.0)], lambda: [])
    assert (made.causes(), made.excluded(), made.budget.count) == ([], (), 1)


def test_after_one_that_nearly_closes_it_only_its_own_setting_is_tried():
    """The port's constant is held in float32; one of the others may be it exactly."""
    made = search({"slope": float(np.float32(2.3))})
    others = [suspect("slope", 2.3), suspect("level", 2.0), suspect("slope", float(np.float32(2.3)))]
    made.for_all(others, lambda: [])
    assert [trial.suspects[0].setting for trial in made.trials] == ["slope", "slope"]
    assert made.causes()[0][0].after == 0.0


def test_a_fit_that_fails_on_all_entries_is_no_cause():
    """What was looked at may be some entries; the whole decides."""
    made = search({"level": 1.7})
    assert made._explaining(number("level"), Fitted(1.5, 1.5, 1.5)) is None


def test_of_two_numbers_that_fit_the_round_one_is_the_cause():
    """Of one entry everything is a multiple: a level of 2, or a slope that nobody writes."""

    def one(changed):
        own = {"slope": 0.7, "level": 1.3} | changed
        return {"value": np.array([own["slope"] * 1.9 + own["level"]])}

    def number(name, own):
        def said(fitted):
            return replace(suspect(name, fitted.number), odd=len(f"{fitted.number:.12g}") > 5)

        return Number(own, lambda value: {name: value}, said)

    made = Search(one, lambda a, b: a | b, one({}), one({"level": 2.0}), {"value": 1e-9}, ["value"])
    made.for_all([], lambda: [number("slope", 0.7), number("level", 1.3)])
    assert [(cause.setting, cause.port) for cause, _ in made.causes()] == [("level", "2.0")]


def test_what_is_refuted_is_no_cause_and_is_seen_where_somebody_may_have_written_it():
    """It closes the gap where it was found, and not where that was to be confirmed."""
    made = search({"slope": 3.0}, confirm=lambda change: False)
    made.for_all([suspect("slope", 3.0)], lambda: [])
    ((cause, _),) = made.causes()
    assert (cause.setting, cause.certain, cause.after) == ("slope", False, 0.0)
    made = search({"slope": 3.0}, confirm=lambda change: False)
    made.for_all([suspect("slope", 3.0, odd=True)], lambda: [])
    assert made.causes() == []


def test_of_one_number_what_comes_near_is_not_seen():
    """A change that leaves a hundredth of the gap says something of an array, and nothing of a loss."""

    def one(changed):
        return {"value": reference(changed)["value"].sum()[None]}

    made = Search(one, lambda a, b: a | b, one({}), one({"slope": 3.0}), {"value": 1e-12}, ["value"])
    made.for_all([suspect("slope", 3.001)], lambda: [])
    assert made.trials[0].after < 1e-2 * made.before
    assert made.causes() == []


def test_of_several_that_explain_the_gap_only_the_necessary_are_causes():
    """All that was read together, less what changes nothing there."""
    read = [suspect(name, value, read=True) for name, value in (("slope", 3.0), ("level", 1.25), ("edge", 1.21))]
    made = search({"slope": 3.0, "level": 1.25})
    made.for_all(read, lambda: [])
    assert sorted(cause.setting for cause, _ in made.causes()) == ["level", "slope"]


def test_of_several_causes_each_says_what_is_left_without_it():
    """Not what both leave together; one alone says nothing."""
    made = search({"slope": 3.0, "level": 1.5})
    made.for_all([suspect("slope", 3.0), suspect("level", 1.5)], lambda: [])
    causes = {cause.setting: cause for cause, _ in made.causes()}
    size = np.linalg.norm(reference({})["value"])
    assert causes["level"].reopens == pytest.approx(0.5 * len(X) ** 0.5 / size)
    assert causes["slope"].reopens == pytest.approx(np.linalg.norm(X) / size)
    assert causes["slope"].before == causes["level"].before > causes["slope"].reopens
    alone = search({"slope": 3.0})
    alone.for_all([suspect("slope", 3.0)], lambda: [])
    assert [cause.reopens for cause, _ in alone.causes()] == [None]


def test_what_brings_the_arrays_nearer_is_not_excluded():
    """It may be one of two faults of which the other is not known."""
    made = search({"slope": 3.0, "edge": 0.1})
    made.for_all([suspect("slope", 3.0), suspect("level", -5.0)], lambda: [])
    assert not made.causes()
    assert made.excluded() == ("level -5.0",)


@pytest.mark.parametrize("entries", [1, 2])
def test_of_one_entry_a_number_that_fits_says_nothing(entries):
    """Not even as what is seen: some number always does, and a short one by chance."""
    one = {"value": np.full(entries, 2.0)}
    made = Search(
        lambda changed: {"value": one["value"] * changed.get("slope", 1.0)}, lambda a, b: a | b, one,
        {"value": np.full(entries, 16.0)}, {"value": 1e-12}, ["value"], confirm=lambda change: False,
    )  # fmt: skip
    made.for_all([suspect("slope", 8.0, fitted=True)], lambda: [])
    assert [cause.certain for cause, _ in made.causes()] == [False] * (entries - 1)


def readings(value, shown=()):
    """A factor of 2 before a weight of 1: of what both make, each may be said to be the other's; ``shown`` stand in the
    port's program."""

    def run(changed):
        own = {"factor": 2.0, "weight": 1.0} | changed
        return {"value": own["factor"] * own["weight"] * X}

    def number(name, own):
        def said(fitted):
            one = Suspect(name, f"{own:g}", f"{fitted.number:g}", {name: fitted.number}, fitted=True, held=True)
            stands = any(abs(fitted.number - other) < 1e-9 for other in shown)
            return replace(one, odd=not stands and len(f"{fitted.number:.12g}") > 4, shown=stands)

        return Number(own, lambda changed: {name: changed}, said)

    made = Search(run, lambda a, b: a | b, run({}), run({"factor": value}), {"value": 1e-12}, ["value"])
    made.for_all([], lambda: [number("factor", 2.0), number("weight", 1.0)])
    return [(cause.setting, cause.certain, cause.text) for cause, _ in made.causes()]


def test_of_two_readings_of_one_function_both_are_said():
    """Nothing tells which of them somebody has changed; the one that stands somewhere is said first."""
    ((setting, certain, text),) = readings(2.1347283)
    assert (setting, certain) == ("factor", True)
    assert text == (
        "factor is 2.13473 in the port, 2 in the reference, or, which is the same function, weight is 1.06736 in the "
        "port, 1 in the reference"
    )


@pytest.mark.parametrize(("shown", "setting"), [((2.1347283,), "factor"), ((2.1347283 / 2,), "weight")])
def test_the_reading_whose_number_stands_in_the_ports_program_is_the_cause(shown, setting):
    """The other number nobody has written."""
    ((named, _, text),) = readings(2.1347283, shown)
    assert named == setting
    assert "same function" not in text
