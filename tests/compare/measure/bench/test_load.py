"""What the kernel's counters say of the time between two readings."""

import time
from dataclasses import replace

import pytest

from compare.measure.bench import load
from compare.measure.bench.load import Load, Reading, between, crowded, quiet, read


def reading(wall, own=0.0, waited=0.0, machine=0.0):
    return Reading(wall, own, waited, machine)


def test_what_others_used_is_what_is_left():
    """Of 3 processor seconds in 2 seconds we used 1.5: others kept three quarters of a processor busy."""
    found = between(reading(10.0), reading(12.0, own=1.5, waited=0.1, machine=3.0))
    assert (found.processors, found.others, found.waited) == (0.75, 0.75, pytest.approx(0.05))


def test_a_counter_that_lags_makes_nobody_run_backwards():
    """The machine's counter is coarse: it may stand behind our own."""
    assert between(reading(0.0), reading(1.0, own=0.5, machine=0.49)).others == 0.0


def test_a_kernel_that_does_not_tell_leaves_it_open():
    """Nothing is made up where there is no counter."""
    found = between(Reading(0.0, 0.0, None, None), Reading(1.0, 1.0, None, None))
    assert (found.waited, found.others) == (None, None)
    assert crowded(found, 2) == ""


@pytest.mark.parametrize(("others", "cores", "said"), [(0.19, 2, False), (0.21, 2, True), (1.0, 16, False)])
def test_others_count_by_how_much_of_the_machine_they_take(others, cores, said):
    """A tenth of the processors; and it is said how many of how many."""
    why = crowded(Load(1.0, 1.0, 0.0, others), cores)
    assert why == (f"other work kept {others:.1f} of {cores} processors busy" if said else "")


def test_readings_go_forward():
    """This machine's own counters, whichever it has."""
    before = read()
    sum(range(100_000))
    after = read()
    assert after.wall > before.wall
    assert after.own >= before.own
    assert before.waited is None or after.waited >= 0.0


def test_a_busy_machine_is_waited_for(monkeypatch):
    """Until it is quiet, saying why; and no longer than there is patience."""
    states, said = iter(["busy", "busy", ""]), []
    monkeypatch.setattr(load, "crowded", lambda found, cores: next(states))
    monkeypatch.setattr(load.time, "sleep", lambda seconds: None)
    assert quiet(60.0, said.append) == ""
    assert said == ["waiting at most 60 s: busy"]
    monkeypatch.setattr(load, "crowded", lambda found, cores: "busy")
    assert quiet(-1.0) == "busy"
    assert time.monotonic() > 0


def test_who_tells_nothing_is_blind(monkeypatch):
    """A counter that is not there, and one that does not move while this very process works."""
    seen = [Reading(0.0, 0.0, None, None)]
    monkeypatch.setattr(load, "read", lambda: replace(seen[0], own=time.process_time()))
    assert load.blind()
    seen[0] = Reading(0.0, 0.0, None, 5.0)
    assert load.blind()
    monkeypatch.setattr(load, "read", lambda: Reading(0.0, time.process_time(), None, time.process_time()))
    assert not load.blind()
