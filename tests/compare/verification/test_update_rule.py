"""The update rule apart from the model: what never acts in three training steps, seen; and sound rules, matching."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch.optim import lr_scheduler

from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verification.rule_report import UpdateRule
from compare.verification.update_rule import judge_update_rule
from tests.compare.small import dense_pair

USERS_MODELS = True
Made = Callable[[list], Any]


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, 0.1, momentum=0.9)


def adamw(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, 1e-3, weight_decay=1e-2)


def scheduled(make: Made, schedule: Callable[[Any], Any]) -> Made:
    """An optimizer whose schedule takes a step after each of its own."""

    def both(parameters: list) -> torch.optim.Optimizer:
        optimizer = make(parameters)
        hung = schedule(optimizer)
        optimizer.register_step_post_hook(lambda *_: hung.step())
        return optimizer

    return both


def clipped(make: Made, clip: Callable[[list], Any]) -> Made:
    """An optimizer that clips before each step."""

    def both(parameters: list) -> torch.optim.Optimizer:
        optimizer = make(parameters)

        def before(*_: Any) -> None:
            clip(parameters)

        optimizer.register_step_pre_hook(before)
        return optimizer

    return both


def by_norm(limit: float) -> Callable[[list], Any]:
    return lambda parameters: torch.nn.utils.clip_grad_norm_(parameters, limit)


def torch_clip(limit: float) -> optax.GradientTransformation:
    """torch's clip by norm: over the norm and 1e-6."""

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        norm = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradients)))
        factor = jnp.minimum(1.0, limit / (norm + 1e-6))
        return jax.tree.map(lambda g: g * factor, gradients), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def two_groups(parameters: list) -> torch.optim.Optimizer:
    matrices, others = ([p for p in parameters if (p.ndim > 1) is many] for many in (True, False))
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "lr": 1e-3}], 1e-2)


def is_matrix(params: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def is_vector(params: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.ndim < 2, params)


def labels(params: Any) -> Any:
    return jax.tree.map(lambda leaf: "matrix" if leaf.ndim > 1 else "vector", params)


def jumping(rate: Any) -> optax.GradientTransformation:
    """torch's order: the momentum sums gradients, the rate comes after."""
    return optax.chain(optax.trace(0.9), optax.scale_by_learning_rate(rate))


GROUPS = {
    "matrix": optax.adamw(1e-2, weight_decay=0.1),
    "vector": optax.adamw(1e-3, weight_decay=1e-2),
}
WARM = scheduled(
    adamw,
    lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.CosineAnnealingLR(o, 90)], [10]
    ),
)
STEP = scheduled(sgd, lambda o: lr_scheduler.StepLR(o, 30, 0.1))
COSINE = scheduled(lambda p: torch.optim.SGD(p, 0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, 100))
LATE = scheduled(sgd, lambda o: lr_scheduler.MultiStepLR(o, [3000], 0.1))

SOUND: dict[str, tuple[Made, optax.GradientTransformation, str]] = {
    "SGD": (sgd, optax.sgd(0.1, 0.9), "256 steps; match"),
    "Adam": (lambda p: torch.optim.Adam(p, 1e-2), optax.adam(1e-2), "256 steps; match"),
    "AdamW": (adamw, optax.adamw(1e-3, weight_decay=1e-2), "256 steps; match"),
    "RMSprop": (
        lambda p: torch.optim.RMSprop(p, 1e-2),
        optax.rmsprop(1e-2, decay=0.99, eps=1e-8, eps_in_sqrt=False),
        "256 steps; match",
    ),
    "Adagrad": (lambda p: torch.optim.Adagrad(p, 0.1, eps=0.0), optax.adagrad(0.1, 0.0, 0.0), "256 steps; match"),
    "Adadelta": (lambda p: torch.optim.Adadelta(p), optax.adadelta(1.0, 0.9, 1e-6), "256 steps; match"),
    "Adamax": (lambda p: torch.optim.Adamax(p, 1e-2), optax.adamax(1e-2), "256 steps; match"),
    "two groups, partition": (two_groups, optax.partition(GROUPS, labels), "256 steps; match"),
    "two groups, multi_transform": (two_groups, optax.multi_transform(GROUPS, labels), "256 steps; match"),
    "two groups, masked": (
        two_groups,
        optax.chain(optax.masked(GROUPS["matrix"], is_matrix), optax.masked(GROUPS["vector"], is_vector)),
        "256 steps; match",
    ),
    "clip by norm": (
        clipped(sgd, by_norm(1.0)),
        optax.chain(torch_clip(1.0), optax.sgd(0.1, 0.9)),
        "clip acted in 1,253",
    ),
    "clip by value": (
        clipped(sgd, lambda p: torch.nn.utils.clip_grad_value_(p, 0.5)),
        optax.chain(optax.clip(0.5), optax.sgd(0.1, 0.9)),
        "clip acted in",
    ),
    "StepLR": (
        STEP,
        jumping(optax.exponential_decay(0.1, 30, 0.1, staircase=True)),
        "milestones 30, 60, 90 and 63 more passed, schedules as functions to step 10,000; match",
    ),
    "a rate that falls below rounding": (
        scheduled(adamw, lambda o: lr_scheduler.StepLR(o, 30, 0.1)),
        optax.adamw(optax.exponential_decay(1e-3, 30, 0.1, staircase=True), weight_decay=1e-2),
        "milestones 30, 60, 90 and 63 more passed, schedules as functions to step 10,000; match",
    ),
    "a milestone beyond the steps": (
        LATE,
        jumping(optax.piecewise_constant_schedule(0.1, {3000: 0.1})),
        "2,000 steps, schedules as functions to step 10,000; match",
    ),
    "warm-up and cosine": (
        WARM,
        optax.adamw(
            optax.join_schedules([optax.linear_schedule(1e-4, 1e-3, 10), optax.cosine_decay_schedule(1e-3, 90)], [10]),
            weight_decay=1e-2,
        ),
        "101 steps, learning rates from 0 to 0.001; match; not seen: past step 101",
    ),
    "OneCycleLR": (
        scheduled(
            lambda p: torch.optim.SGD(p, 0.1),
            lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=100, cycle_momentum=False),
        ),
        optax.sgd(optax.cosine_onecycle_schedule(99, 0.1, 0.3, 25, 1e4)),
        "100 steps, learning rates from 4e-07 to 0.1; match",
    ),
}

# The first seven are a match on three training steps.
FAULTS: dict[str, tuple[Made, optax.GradientTransformation, str]] = {
    "a clip at 2000 for 1000": (
        clipped(sgd, by_norm(1e3)),
        optax.chain(torch_clip(2e3), optax.sgd(0.1, 0.9)),
        "mismatch from step 17 on",
    ),
    "a clip forgotten": (clipped(sgd, by_norm(30.0)), optax.sgd(0.1, 0.9), "mismatch from step 11 on"),
    "RAdam": (lambda p: torch.optim.RAdam(p, 1e-3), optax.radam(1e-3), "mismatch from step 6 on"),
    "a milestone one step late": (
        STEP,
        jumping(optax.exponential_decay(0.1, 31, 0.1, staircase=True)),
        "mismatch from step 31 on",
    ),
    "gamma 0.5 for 0.1": (
        STEP,
        jumping(optax.exponential_decay(0.1, 30, 0.5, staircase=True)),
        "mismatch from step 31 on",
    ),
    "a late milestone one step later": (
        LATE,
        jumping(optax.piecewise_constant_schedule(0.1, {3001: 0.1})),
        "to step 10,000; mismatch",
    ),
    "a late milestone forgotten": (LATE, optax.sgd(0.1, 0.9), "to step 10,000; mismatch"),
    "cosine to step 101 for 100": (
        COSINE,
        optax.sgd(optax.cosine_decay_schedule(0.1, 101)),
        "mismatch from step 2 on",
    ),
    "amsgrad forgotten": (
        lambda p: torch.optim.Adam(p, 1e-2, amsgrad=True),
        optax.adam(1e-2),
        "mismatch from step 3 on",
    ),
    "weight decay on biases too": (
        lambda p: torch.optim.AdamW(
            [{"params": [q for q in p if q.ndim > 1]}, {"params": [q for q in p if q.ndim < 2], "weight_decay": 0.0}],
            1e-2,
            weight_decay=0.1,
        ),
        optax.adamw(1e-2, weight_decay=0.1),
        "mismatch from step 1 on",
    ),
    "Nesterov forgotten": (
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        optax.sgd(0.1, 0.9),
        "mismatch from step 1 on",
    ),
}
UNSEEN = [*FAULTS][:7]  # by three training steps


def quartet_of(cpu, reference: Made, port: optax.GradientTransformation) -> Quartet:
    return Quartet(prepare(dense_pair(optimizers=Optimizers(reference, lambda: port))), FLOAT32, cpu, cpu)


def judged(cpu, reference: Made, port: optax.GradientTransformation) -> UpdateRule:
    quartet = quartet_of(cpu, reference, port)
    rule = judge_update_rule(quartet, quartet.prepared.enter(0, 1).at(FLOAT32), 0)
    assert rule is not None
    return rule


@pytest.mark.parametrize(("reference", "port", "text"), SOUND.values(), ids=SOUND)
def test_a_sound_rule_matches_over_all_steps(reference, port, text, cpu):
    """With a factor of ten and more to what is allowed, and the report says what was seen."""
    rule = judged(cpu, reference, port)
    assert text in rule.text
    assert rule.verdict is Verdict.MATCH
    assert all(one.judgement.gap <= one.judgement.allowed / 10 for one in rule.quantities)


@pytest.mark.parametrize(("reference", "port", "text"), FAULTS.values(), ids=FAULTS)
def test_what_never_acted_is_seen(reference, port, text, cpu):
    """The step from which it differs, and no block before it."""
    rule = judged(cpu, reference, port)
    assert text in rule.text
    assert rule.verdict is Verdict.MISMATCH
    ends = {one: int(one.name.rpartition("-")[2]) for one in rule.quantities if one.name != "rule/schedule"}
    before = [one for one, end in ends.items() if rule.differs > end or not rule.differs]
    assert all(one.verdict is Verdict.MATCH for one in before)
    assert any(one.judgement.reason for one in rule.quantities)


@pytest.mark.parametrize("name", UNSEEN)
def test_three_training_steps_do_not_see_it(name, cpu):
    """Which is why the rule is judged apart."""
    reference, port, _ = FAULTS[name]
    quartet = quartet_of(cpu, reference, port)
    runs = quartet.run(quartet.prepared.enter(0, 3).at(FLOAT32), STEPS)
    assert {one.verdict for one in quartet.judge(*runs).values()} == {Verdict.MATCH}


def test_an_optimizer_that_wants_its_model_is_no_failure(cpu):
    """It says what it raised; there is no quantity, and so no verdict."""

    def of_the_model(parameters: list) -> Any:
        assert tuple(parameters[0].shape) == (5, 4)
        optimizer = torch.optim.SGD(parameters, 0.1)

        def refuse(*_: Any) -> None:
            raise RuntimeError("where is my loss?")

        optimizer.register_step_pre_hook(refuse)
        return optimizer

    rule = judged(cpu, of_the_model, optax.sgd(0.1))
    assert rule.verdict is None
    assert rule.quantities == ()
    assert rule.text.startswith("not judged apart from the model: RuntimeError: where is my loss?")


def test_a_clip_that_never_acts_is_said(cpu):
    """At a limit beyond every gradient it proves nothing."""
    huge = optax.chain(optax.clip_by_global_norm(1e9), optax.sgd(0.1, 0.9))
    rule = judged(cpu, clipped(sgd, by_norm(1e9)), huge)
    assert (rule.verdict, rule.clipped) == (Verdict.MATCH, 0)
    assert rule.text.endswith("match; not seen: clip_by_global_norm, which never acted")


def test_a_pair_without_optimizers_has_no_rule(cpu):
    quartet = Quartet(prepare(dense_pair()), FLOAT32, cpu, cpu)
    assert judge_update_rule(quartet, quartet.prepared.enter(0, 1).at(FLOAT32), 0) is None


def test_a_low_precision_that_the_reference_keeps_is_raised(cpu):
    """Moments that an optimizer of one's own keeps in float32: the oracle has them in float64, as the port's are."""

    class Held(torch.optim.Optimizer):
        def __init__(self, parameters: list) -> None:
            super().__init__(parameters, {"lr": 0.1})

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for parameter in self.param_groups[0]["params"]:
                held = self.state[parameter]
                before = held.get("kept", torch.zeros_like(parameter, dtype=torch.float32))
                held["kept"] = (0.9 * before + parameter.grad).float()
                parameter.sub_(0.1 * held["kept"].to(parameter.dtype))

    rule = judged(cpu, Held, optax.sgd(0.1, 0.9))
    assert rule.verdict is Verdict.MATCH
    assert {one.judgement.reason for one in rule.quantities} == {"float32 inside: an optimizer's own code"}


def test_the_numbers_are_those_of_the_seed(cpu):
    """Judged twice it is the same, number by number."""
    first, second = (judged(cpu, sgd, optax.sgd(0.1, 0.9)) for _ in range(2))
    np.testing.assert_equal(
        [one.judgement.gap for one in first.quantities], [one.judgement.gap for one in second.quantities]
    )
