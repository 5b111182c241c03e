"""The diagnosis as a whole: what is named, what is excluded, how many runs it takes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn
from torch.nn import functional as F

from compare.explain.doctor.diagnosis import Diagnosis
from compare.explain.doctor.segment.diagnose import diagnose, judged
from compare.explain.doctor.thresholds import EXCLUDED, MORE
from tests.compare.explain.doctor.scenes import drawn, moved, scene_of, sound

X = drawn(5, 6, scale=0.1)


class Block(nn.Module):
    """A norm, an activation and a residual."""

    def __init__(self, eps=1e-5):
        super().__init__()
        self.norm, self.fc, self.eps = nn.LayerNorm(6, eps=eps), nn.Linear(6, 6), eps

    def forward(self, x):
        return x + F.gelu(self.fc(self.norm(x)))


def block(eps=1e-5, approximate=False, scale=1.0):
    def port(p, x):
        h = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + eps)
        h = h * p["norm.weight"] + p["norm.bias"]
        return scale * (x + jax.nn.gelu(h @ p["fc.weight"].T + p["fc.bias"], approximate=approximate))

    return port


def counted(scene):
    runs = []

    def run(change):
        runs.append(change)
        return scene.run(change)

    return dataclasses.replace(scene, run=run), runs


def test_a_sound_port():
    """Nothing is said, and nothing is run."""
    scene, runs = counted(scene_of(moved(Block()), [X], block()))
    sound(scene)
    assert diagnose(scene) == Diagnosis()
    assert runs == []


def test_two_causes_that_only_together_close_the_gap():
    """Both are named, and neither alone."""
    found = diagnose(scene_of(moved(Block()), [X], block(eps=1e-3, approximate=True)))
    assert sorted(cause.setting for cause in found.causes) == ["approximate", "epsilon"]
    assert all(cause.certain and cause.after < 1e-12 < cause.before for cause in found.causes)
    assert "approximate tanh" not in found.excluded


def test_a_cause_nobody_knows():
    """No certain cause, no more runs than allowed, and what was excluded is said once each."""
    scene, runs = counted(scene_of(moved(Block()), [X], lambda p, x: jnp.sin(3 * x) + jnp.cos(x @ p["fc.weight"])))
    found = diagnose(scene)
    assert not any(cause.certain for cause in found.causes)
    assert len(runs) <= MORE
    assert len(set(found.excluded)) == len(found.excluded) == EXCLUDED
    assert {"approximate tanh", "epsilon 1e-06"} <= set(found.excluded)


def test_a_caller_may_ask_for_fewer_runs():
    """Of a reference that takes long."""
    scene, runs = counted(scene_of(moved(Block()), [X], lambda p, x: jnp.sin(3 * x)))
    diagnose(scene, runs=20)
    assert len(runs) <= 20


def test_a_usual_cause_takes_few_runs():
    """The other framework's default is among the first."""
    scene, runs = counted(scene_of(moved(Block()), [X], block(approximate=True)))
    found = diagnose(scene)
    assert [cause.setting for cause in found.causes] == ["approximate"]
    assert len(runs) <= 3


def test_a_cause_that_nearly_closes_the_gap():
    """The port holds a constant in float32: epsilon is still named."""
    found = diagnose(scene_of(moved(Block()), [X], block(eps=float(np.float32(1e-3)))))
    assert [(cause.setting, cause.port, cause.certain) for cause in found.causes] == [("epsilon", "0.001", True)]
    assert 1e-12 < found.causes[0].after < 1e-8


def test_the_best_that_was_found_is_given_as_uncertain():
    """It shrinks the gap by far, and does not close it."""
    port = block(eps=1e-3)
    found = diagnose(scene_of(moved(Block()), [X], lambda p, x: port(p, x) + 1e-5 * jnp.sin(37 * x)))
    assert [(cause.setting, cause.port, cause.certain) for cause in found.causes] == [("epsilon", "0.001", False)]
    assert found.causes[0].after < found.causes[0].before / 100


def test_a_setting_that_differs_and_explains_nothing_is_listed_alone():
    """Read on both sides; the cause is another."""
    module, own = moved(nn.LayerNorm(6)), linen.LayerNorm(epsilon=1e-6)
    port = lambda p, x: x * 0 + p["bias"]  # noqa: E731
    found = diagnose(scene_of(module, [X], port, layer=own))
    assert found.settings == ("epsilon is 1e-06 in the port, 1e-05 in the reference",)
    assert "epsilon" not in [cause.setting for cause in found.causes if cause.certain]
    assert "epsilon 1e-06" in found.excluded


def test_an_attribute_of_a_users_own_class():
    """Set on the reference, as read of the port; no call holds it."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.temperature = 0.7

        def forward(self, x):
            return torch.logaddexp(x, torch.tensor(self.temperature, dtype=x.dtype))

    class Port(linen.Module):
        temperature: float = 0.9

    scene = scene_of(Scaled(), [X], lambda p, x: jnp.logaddexp(x, 0.9), layer=Port())
    (cause,) = diagnose(scene).causes
    assert (cause.port, cause.evidence, cause.certain) == ("0.9", "both", True)
    assert cause.change.attributes == {("", "temperature"): 0.9}


def test_runs_that_raise_are_no_evidence():
    """They are neither a cause nor excluded."""
    scene = scene_of(moved(Block()), [X], block(approximate=True))

    def run(change):
        raise ValueError("no")

    found = diagnose(dataclasses.replace(scene, run=run))
    assert (found.causes, found.excluded) == ((), ())


def test_what_a_change_is_judged_by():
    """Values where the forward pass differs, since cotangents move with it; everything where it agrees."""
    scene = scene_of(moved(Block()), [X], block(), direction="backward")
    assert set(judged(scene)) == set(scene.plain)
    assert judged(dataclasses.replace(scene, direction="forward")) == ["value"]


@pytest.mark.parametrize("change", [0, 1])
def test_the_reference_itself_is_never_changed(change):
    """Neither its attributes nor its weights."""
    module = moved(Block())
    before = {name: one.clone() for name, one in module.state_dict().items()}
    diagnose(scene_of(module, [X], lambda p, x: block()(p, x) * jnp.sin(x) + change))
    assert module.norm.eps == 1e-5
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
