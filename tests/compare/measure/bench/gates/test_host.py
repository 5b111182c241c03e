"""Calls of the host by two steps."""

from collections import Counter

import numpy as np
import torch

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.host import ITEM, RuleAlone, host, rule_alone
from tests.compare.measure.bench.gates.made_up import observed, product

ALONE = RuleAlone()


def row(*operations, **known):
    return observed(operations=operations, **known)


PLAIN = observed("torch eager", operations=(product(),))


def test_none_passes():
    """Nor does one of an optimizer that looks at its own numbers."""
    assert host(row(product()), PLAIN, ALONE) == ""
    looks = observed("torch eager", operations=(*[Operation(ITEM)] * 8,), host_calls={"item": 24})
    assert host(row(product()), looks, RuleAlone(Counter({ITEM: 8}), Counter({"item": 8}))) == ""
    assert host(looks, looks, RuleAlone(Counter({ITEM: 8}), Counter({"item": 8}))) == ""


def test_a_callback_is_told():
    """Of JAX's, by its name, and how often in a step."""
    sentence = host(row(Operation("debug_callback", times=16), steps_per_call=8), PLAIN, ALONE)
    assert "expected debug_callback inside the step 0 times, as often as in torch eager, got 2 times" in sentence


def test_a_number_and_a_copy_are_told():
    """Of torch's: inside, beside, and between devices."""
    assert ITEM in host(row(Operation(ITEM)), PLAIN, ALONE)
    assert "sleep beside the step" in host(row(host_calls={"sleep": 3}), PLAIN, ALONE)
    assert "_to_copy" in host(row(Operation("_to_copy", between_devices=True)), PLAIN, ALONE)
    assert host(row(Operation("_to_copy")), PLAIN, ALONE) == ""


def test_a_copy_from_the_host_is_told():
    """What it is of."""
    assert "float32[16,20]" in host(row(moved="float32[16,20]"), PLAIN, ALONE)


def test_a_plain_step_that_waits_is_no_yardstick():
    """It hands over more than its optimizer does, or sleeps."""
    waits = observed("torch eager", operations=(*[Operation(ITEM)] * 9,))
    assert "inside the step of torch eager" in host(row(product()), waits, ALONE)
    assert "beside the step of torch eager" in host(row(), observed("torch eager", host_calls={"sleep": 3}), ALONE)


def test_numpy_by_hand_has_no_host_beside_it():
    """Its arrays are NumPy's."""
    own = observed(side="numpy", operations=None, host_calls={"asarray": 30, "copyto": 3})
    assert host(own, PLAIN, ALONE) == ""


def test_what_an_optimizer_does_alone():
    """Adam on a CPU looks at its count for every parameter; SGD at nothing."""
    like = {"a": np.ones((3, 2)), "b": np.ones(3)}
    adam = rule_alone(lambda p, lr: torch.optim.Adam(p, lr=lr, foreach=False), {"lr": 0.1}, like)
    assert adam.inside[ITEM] >= 2
    assert rule_alone(torch.optim.SGD, {}, like) == RuleAlone()


def test_python_beside_the_operations_is_told():
    """Of a row and of the plain step; by the operations that it dispatches."""
    for lines, words in ((540, ""), (5000, "at most 548 lines of Python for its 1 operations, got 5,000")):
        busy = observed("row", operations=(product(),), lines=lines)
        for sentence in (host(busy, PLAIN, ALONE), host(PLAIN, busy, ALONE)):
            assert (words in sentence) if words else sentence == ""


def test_a_file_in_each_step_is_told():
    """A warning, which reads its own line once, is not."""
    for count, stopped in ((1, False), (3, True)):
        logging = observed("row", operations=(product(),), host_calls={"open": count})
        assert bool(host(logging, PLAIN, ALONE)) is bool(host(PLAIN, logging, ALONE)) is stopped
