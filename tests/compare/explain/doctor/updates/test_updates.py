"""The doctor of training names the setting that two optimizers do not share, and nothing it cannot prove."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.explain.doctor.gaps import WorstGap
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.frameworks.optax_insides import UnreadError
from compare.pair.pair import Optimizers
from compare.sides.quartet import Quartet
from compare.verdict.verdict import Verdict
from compare.weights.entry import same
from compare.weights.weights import WeightMap
from tests.compare.explain.doctor.trained import O, diagnosed, hidden, made, matrices, stepped
from tests.compare.planted import training
from tests.compare.planted.reports import is_named
from tests.compare.small import dense_pair, loose_pair

USERS_MODELS = True

MOMENTUM = made(O.SGD, lr=0.1, momentum=0.9)
ADAM = made(O.Adam, lr=1e-3)
DECAYED = made(O.AdamW, lr=1e-3)
HALF = {"Dense_0": False, "Dense_1": True}

# The reference, the port, and of each cause its setting, the port's value and the reference's.
FAULTS = {
    "weight decay": (
        MOMENTUM,
        optax.chain(optax.add_decayed_weights(1e-4), optax.sgd(0.1, 0.9)),
        [("weight_decay", "0.0001", "0")],
    ),
    "weight decay, no usual one": (
        MOMENTUM,
        optax.chain(optax.add_decayed_weights(3.7e-3), optax.sgd(0.1, 0.9)),
        [("weight_decay", "0.0037", "0")],
    ),
    "no weight decay": (made(O.SGD, lr=0.1, weight_decay=0.01), optax.sgd(0.1), [("weight_decay", "0", "0.01")]),
    "AdamW's defaults": (DECAYED, optax.adamw(1e-3), [("weight_decay", "0.0001", "0.01")]),
    "decoupled for L2": (
        made(O.Adam, lr=1e-3, weight_decay=1e-2),
        optax.adamw(1e-3, weight_decay=1e-2),
        [("weight decay", "decoupled from the gradient", "inside the gradient (L2)")],
    ),
    "decay of matrices only": (
        DECAYED,
        optax.adamw(1e-3, weight_decay=1e-2, mask=matrices),
        [("weight_decay", "0.01 for matrices, 0 for vectors", "0.01")],
    ),
    "decay after the rate": (
        ADAM,
        optax.chain(optax.adam(1e-3), optax.add_decayed_weights(1e-2)),
        [("weight_decay", "0.01", "0")],
    ),
    "learning rate": (MOMENTUM, optax.sgd(0.03, 0.9), [("learning rate", "0.03", "0.1")]),
    "learning rate in float32": (
        MOMENTUM,
        optax.sgd(jnp.float32(0.1), 0.9),
        [("learning rate", "0.1 rounded to float32", "0.1")],
    ),
    "uphill": (MOMENTUM, optax.sgd(-0.1, 0.9), [("learning rate", "-0.1", "0.1")]),
    "a schedule": (
        MOMENTUM,
        optax.sgd(lambda step: 0.1 * (step + 1), 0.9),
        [("learning rate", "0.1, 0.2, 0.3 in steps 1, 2, 3", "0.1")],
    ),
    "a layer frozen": (
        MOMENTUM,
        optax.chain(optax.sgd(0.1, 0.9), optax.masked(optax.set_to_zero(), HALF)),
        [("learning rate", "0.1 for the others, 0 for head.weight, head.bias", "0.1")],
    ),
    "momentum": (MOMENTUM, optax.sgd(0.1, 0.87), [("momentum", "0.87", "0.9")]),
    "no momentum": (MOMENTUM, optax.sgd(0.1), [("momentum", "0", "0.9")]),
    "Nesterov": (MOMENTUM, optax.sgd(0.1, 0.9, nesterov=True), [("Nesterov momentum", "on", "off")]),
    "an average for a momentum": (
        MOMENTUM,
        optax.chain(optax.ema(0.9), optax.scale(-0.1)),
        [("momentum", "0.9 as an average of gradients, bias corrected", "0.9")],
    ),
    "dampening": (
        made(O.SGD, lr=0.1, momentum=0.9, dampening=0.1),
        optax.sgd(0.1, 0.9),
        [("momentum", "0.9", "0.9 with dampening 0.1")],
    ),
    "beta2": (ADAM, optax.adam(1e-3, b2=0.97), [("beta2", "0.97", "0.999")]),
    "beta1": (ADAM, optax.adam(1e-3, b1=0.85), [("beta1", "0.85", "0.9")]),
    "epsilon": (ADAM, optax.adam(1e-3, eps=3e-6), [("epsilon", "3e-06", "1e-08")]),
    "epsilon inside the root": (
        ADAM,
        optax.adam(1e-3, eps=0, eps_root=1e-8),
        [("epsilon", "1e-08 inside the root", "1e-08 outside the root")],
    ),
    "amsgrad": (
        made(O.Adam, lr=1e-3, amsgrad=True),
        optax.amsgrad(1e-3),
        [("amsgrad", "the maximum of the corrected second moment", "the maximum of the raw second moment")],
    ),
    "RMSprop's defaults": (
        made(O.RMSprop, lr=1e-3),
        optax.rmsprop(1e-3),
        [("decay (torch's alpha)", "0.9", "0.99"), ("epsilon", "1e-08 inside the root", "1e-08 outside the root")],
    ),
    "centered": (
        made(O.RMSprop, lr=1e-3),
        optax.rmsprop(1e-3, decay=0.99, eps_in_sqrt=False, centered=True),
        [("centered", "on", "off")],
    ),
    "Adagrad's defaults": (
        made(O.Adagrad, lr=1e-2),
        optax.adagrad(1e-2),
        [("epsilon", "1e-07 inside the root", "1e-10 outside the root"), ("initial accumulator", "0.1", "0")],
    ),
    "clipping": (
        made(O.SGD, lr=0.1),
        optax.chain(optax.clip_by_global_norm(0.7), optax.sgd(0.1)),
        [("gradient clipping by global norm", "0.7", "none")],
    ),
    "clipping by value": (
        made(O.SGD, lr=0.1),
        optax.chain(optax.clip(0.3), optax.sgd(0.1)),
        [("gradient clipping by value", "0.3", "none")],
    ),
    "two steps to an update": (
        made(O.SGD, lr=0.1),
        optax.MultiSteps(optax.sgd(0.1), 2),
        [("number of steps to an update", "2", "1")],
    ),
    "another optimizer": (made(O.SGD, lr=1e-3), optax.adam(1e-3), [("optimizer", "Adam", "SGD")]),
    "a stale gradient": (
        MOMENTUM,
        optax.chain(optax.trace(1.0), optax.trace(0.9), optax.scale(-0.1)),
        [("the sum of earlier gradients", "kept (never zeroed)", "dropped")],
    ),
}
UNREADABLE = {"a stale gradient"}  # two momenta in one chain


def unreadable(transformation):
    """What reading may come to with another version of optax."""
    raise UnreadError("another version's closures")


@pytest.mark.parametrize("name", FAULTS)
def test_the_setting_is_named(name, cpu, monkeypatch):
    """Whether the port's optimizer can be read or only its updates are seen; nothing else is named."""
    reference, port, expected = FAULTS[name]
    given = stepped(cpu, dense_pair(optimizers=(reference, port)))
    for readable in dict.fromkeys([name not in UNREADABLE, False]):
        if not readable:
            monkeypatch.setattr("compare.explain.doctor.updates.optax_rules.stages_of", unreadable)
        found = diagnose_updates(*given)
        assert [(one.setting, one.port, one.reference) for one in found.causes] == expected
        for one in found.causes:
            assert one.certain
            assert one.change is None
            assert one.evidence == ("both" if readable else "counterfactual")
            assert one.after < 1e-12 < one.before
            assert one.port in one.text
        assert bool(found.settings) is readable
        fitted = [one.removeprefix("fitted: the updates say ") for one in found.observed if one.startswith("fitted: ")]
        assert fitted == ([] if readable else [one.text for one in found.causes])


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        (MOMENTUM, optax.sgd(0.1, 0.9)),
        (made(O.Adam, lr=1e-3, weight_decay=1e-2), optax.chain(optax.add_decayed_weights(1e-2), optax.adam(1e-3))),
        (DECAYED, optax.adamw(1e-3, weight_decay=1e-2)),
        (made(O.RMSprop, lr=1e-3), optax.rmsprop(1e-3, decay=0.99, eps_in_sqrt=False)),
    ],
    ids=["SGD", "Adam", "AdamW", "RMSprop"],
)
def test_sound_optimizers_get_no_diagnosis(reference, port, cpu):
    """Nothing is named, read or excluded where nothing differs."""
    found = diagnosed(cpu, reference, port)
    assert (found.causes, found.settings, found.excluded, found.observed) == ((), (), (), ())


def test_an_unknown_optimizer_gets_nothing_certain(cpu):
    """Lion for Adam: what was tried is told, with what is left of the port to read."""
    found = diagnosed(cpu, ADAM, optax.lion(1e-3))
    assert not [one for one in found.causes if one.certain]
    excluded = " ".join(found.excluded)
    for tried in ("weight_decay", "beta2", "epsilon", "bias correction", "accumulation"):
        assert tried in excluded
    assert any("scale_by_lion" in said for said in found.observed)


def test_a_huge_gap_that_shrinks_to_a_large_one_is_not_explained(cpu):
    """Signs for tiny gradients: a larger learning rate is closer, and still another function."""
    found = diagnosed(cpu, made(O.SGD, lr=1e-8), hidden(optax.chain(optax.scale_by_sign(), optax.scale(-1e-2))))
    assert found.causes == ()


def test_a_change_that_almost_closes_the_gap_is_named_without_certainty(cpu):
    """A learning rate of 0.05 for 0.1, and a noise of 1e-6 of the update besides."""
    noise = optax.stateless(lambda updates, _: jax.tree.map(lambda one: one * (1 + 1e-6 * jnp.cos(1e3 * one)), updates))
    found = diagnosed(cpu, MOMENTUM, hidden(optax.chain(optax.sgd(0.05, 0.9), noise)))
    assert [(one.setting, one.certain) for one in found.causes] == [("learning rate", False)]
    assert 1e-8 < found.causes[0].after < 1e-5


@pytest.mark.parametrize("port", [optax.sgd(0.03, 0.9), hidden(optax.sgd(0.03, 0.9))], ids=["read", "hidden"])
def test_what_the_whole_reference_does_not_confirm_is_not_named(port, cpu, monkeypatch):
    """The record alone proves nothing: the models might still differ along the port's way."""
    monkeypatch.setattr(Retraining, "confirmed", lambda *_: WorstGap(1.0, False))
    found = diagnosed(cpu, MOMENTUM, port)
    assert found.causes == ()
    assert found.excluded


def test_of_the_read_settings_only_those_that_explain_are_named(cpu):
    """An epsilon that no number of these steps can show is read, listed, and not blamed."""
    found = diagnosed(cpu, MOMENTUM, optax.chain(optax.clip_by_global_norm(1e6), optax.sgd(0.03, 0.9)))
    assert [one.setting for one in found.causes] == ["learning rate"]
    assert len(found.settings) == 2
    assert "gradient clipping by global norm is 1000000 in the port, none in the reference" in found.settings


def test_two_read_settings_that_only_together_explain_are_both_named(cpu):
    """Each with the whole gap before and none after."""
    port = optax.chain(optax.add_decayed_weights(1e-3), optax.sgd(0.05, 0.9, nesterov=True))
    found = diagnosed(cpu, MOMENTUM, port)
    assert [one.setting for one in found.causes] == ["learning rate", "weight_decay", "Nesterov momentum"]
    assert {one.certain for one in found.causes} == {True}


def test_a_state_that_no_update_shows_is_no_cause(cpu):
    """It is told as a fact, and no optimizer is blamed for it."""
    quartet, entering, judged = stepped(cpu, dense_pair(optimizers=(ADAM, optax.adam(1e-3))), steps=1)
    name = "after/optimizer/exp_avg_sq/fc.bias"
    judged.judgements[name] = replace(judged.judgements[name], verdict=Verdict.MISMATCH)
    found = diagnose_updates(quartet, entering, judged)
    assert found.causes == ()
    assert found.observed == ("the updates agree, the optimizer's state differs (exp_avg_sq)",)


@pytest.mark.parametrize(
    ("port", "told"),
    [
        (0.1, "ahead"),
        (0.4, "behind"),
    ],
)
def test_a_schedule_off_by_one_is_told(port, told, cpu):
    """torch's is halved after each step: the port starts where the second step would be, or a step too early."""

    def reference(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.2)
        halved = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        optimizer.register_step_post_hook(lambda *_: halved.step())
        return optimizer

    found = diagnosed(cpu, reference, optax.sgd(lambda step: port * 0.5**step))
    assert [one.setting for one in found.causes] == ["learning rate"]
    assert found.causes[0].text.endswith(f"one step {told}")


def _cycled(parameters):
    optimizer = torch.optim.SGD(parameters, lr=0.2, momentum=0.9)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, 10)


@pytest.mark.parametrize(
    ("reference", "port", "told", "form"),
    [
        (_cycled, optax.sgd(0.008, 0.95), "SGD with another momentum in each step", "one_cycle_lr"),
        (lambda p: torch.optim.NAdam(p, lr=0.1), optax.nadam(0.1), "NAdam", "nadam"),
    ],
)
def test_an_optimizer_that_no_row_describes_is_called_by_its_name(reference, port, told, form, cpu):
    """Its class, what changes in it, and where its optax form is; a scheduler may stand beside it."""
    found = diagnosed(cpu, reference, port)
    assert [(one.setting, one.reference) for one in found.causes] == [("optimizer", told)]
    assert any(
        line.endswith((f"jaxport.optimizers.{form}", f"jaxport.optimizers.{form} in optax")) for line in found.observed
    )


def test_what_torchs_clipping_adds_to_the_norm_is_found(cpu):
    """clip_grad_norm_ divides by the norm plus 1e-6, optax by the norm."""

    def reference(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        optimizer.register_step_pre_hook(lambda *_: torch.nn.utils.clip_grad_norm_(parameters, 0.5) and None)
        return optimizer

    found = diagnosed(cpu, reference, optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)))
    assert [(one.setting, one.port, one.reference) for one in found.causes] == [
        ("what clipping adds to the norm", "0", "1e-06")
    ]


def test_an_unknown_class_of_torch_is_taken_as_it_steps(cpu):
    """Made from SGD, and another function: twice its learning rate is found all the same."""

    class Signs(torch.optim.SGD):
        """Somebody's own."""

        def step(self, closure=None):
            for one in self.param_groups[0]["params"]:
                one.grad = one.grad.sign()
            return super().step(closure)

    found = diagnosed(cpu, made(Signs, lr=0.1), optax.chain(optax.scale_by_sign(), optax.scale(-0.2)))
    assert [(one.setting, one.port, one.reference) for one in found.causes] == [
        ("learning rate", "2 times the reference's", "its own")
    ]


def test_an_unused_parameter_that_decays_is_found(cpu):
    """torch leaves a parameter without a gradient alone, optax hands it a zero."""
    pair = loose_pair(
        lambda p, x: x * p["w"],
        lambda p, x: x * p["w"],
        weights=lambda rng: {"w": rng.uniform(0.5, 1.5, 4), "idle": rng.uniform(0.5, 1.5, 4)},
        weight_map=WeightMap(same("w", "idle")),
        optimizers=(made(O.AdamW, lr=1e-2), optax.adamw(1e-2, weight_decay=1e-2)),
    )
    found = diagnose_updates(*stepped(cpu, pair))
    assert [(one.setting, one.port) for one in found.causes] == [
        ("a parameter without a gradient", "updated with a gradient of zero")
    ]


def test_without_an_oracle_nothing_is_tried(cpu, monkeypatch):
    """A model that cannot run in float64, or a reference on record: no cause, and the reason."""
    quartet, entering, judged = stepped(cpu, dense_pair(optimizers=(MOMENTUM, optax.sgd(0.03, 0.9))))
    monkeypatch.setattr(Quartet, "oracle_port", lambda *_: pytest.fail("it was run"))
    found = diagnose_updates(quartet, entering, replace(judged, no_oracle="the reference raised"))
    assert found.causes == ()
    assert found.observed == ("no optimizer can be tried: the reference or the port cannot run in float64",)
    on_record = replace(quartet, recorded=lambda which: pytest.fail(which))
    assert diagnose_updates(on_record, entering, judged).observed == (
        "no optimizer can be tried: the reference is on record",
    )


def test_the_users_own_optimizer_is_made_with_its_hyperparameters(cpu):
    """What a pair gives as hyper-parameters reaches both the reading and the trial."""
    pair = dense_pair(
        optimizers=Optimizers(
            lambda parameters, rate: torch.optim.SGD(parameters, lr=rate),
            lambda rate: optax.sgd(3 * rate),
            {"rate": 0.1},
        ),
    )
    found = diagnose_updates(*stepped(cpu, pair))
    assert [one.setting for one in found.causes] == ["learning rate"]
    assert np.isclose(float(found.causes[0].port), 0.3)


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (optax.sgd(0.05, 0.9, nesterov=True), ["learning rate", "Nesterov momentum"]),
        (optax.sgd(0.0321, 0.873), ["learning rate", "momentum"]),
    ],
)
def test_two_settings_are_named_without_a_look_inside_optax(port, expected, cpu):
    """A number fitted with a flag turned, and two numbers at once."""
    found = diagnosed(cpu, MOMENTUM, hidden(port))
    assert [(one.setting, one.certain) for one in found.causes] == [(setting, True) for setting in expected]


@pytest.mark.parametrize("row", training.OPTIMIZERS, ids=lambda row: row.name)
def test_planted_faults_are_named_without_a_look_inside_optax(row, cpu, monkeypatch):
    """By the updates alone, as surely as when the port's settings are read."""
    monkeypatch.setattr("compare.explain.doctor.updates.optax_rules.stages_of", unreadable)
    found = diagnose_updates(*stepped(cpu, row.pair()))
    assert any(is_named(row, vars(one)) for one in found.causes)
    assert any(one.startswith("fitted: the updates say ") for one in found.observed)
