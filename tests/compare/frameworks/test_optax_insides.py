"""What an optax transformation is made of, read from its closures."""

import contextlib
import inspect

import jax
import jax.numpy as jnp
import optax
import pytest

from compare.errors import TRACEBACK
from compare.frameworks.optax_insides import UnreadError, stages_of
from tests.compare.explain.doctor.trained import hidden


def names(transformation):
    return [stage.name for stage in stages_of(transformation)]


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        (optax.sgd(0.1), ["identity", "scale"]),
        (optax.sgd(0.1, 0.9), ["trace", "scale"]),
        (optax.adamw(1e-3), ["scale_by_adam", "add_decayed_weights", "scale"]),
        (optax.rmsprop(0.1, momentum=0.9), ["scale_by_rms", "scale", "trace"]),
        (optax.sgd(optax.constant_schedule(0.1), 0.9), ["trace", "scale_by_schedule"]),
        (optax.named_chain(("a", optax.scale_by_adam()), ("b", optax.scale(-1))), ["scale_by_adam", "scale"]),
        (optax.chain(optax.clip(1.0), optax.chain(optax.trace(0.9))), ["clip", "trace"]),
        (optax.flatten(optax.adam(1e-3)), ["scale_by_adam", "scale"]),
        (optax.apply_if_finite(optax.sgd(0.1, 0.9), 3), ["trace", "scale"]),
        (optax.MultiSteps(optax.sgd(0.1, 0.9), 2), ["MultiSteps", "trace", "scale"]),
        (optax.MultiSteps(optax.sgd(0.1, 0.9), 2).gradient_transformation(), ["MultiSteps", "trace", "scale"]),
        (optax.inject_hyperparams(optax.sgd)(optax.constant_schedule(0.1), 0.9), ["trace", "scale_by_schedule"]),
    ],
)
def test_the_stages_come_in_order(transformation, expected):
    """Through chains and wrappers that do nothing of their own."""
    assert names(transformation) == expected


def test_settings_are_those_that_were_given():
    """Also those that only the initial state needs, and those that are injected."""
    assert {"b1": 0.8, "eps": 1e-3}.items() <= stages_of(optax.adam(1e-3, b1=0.8, eps=1e-3))[0].given.items()
    assert stages_of(optax.adagrad(0.1, 0.25))[0].given["initial_accumulator_value"] == 0.25
    injected = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3, b2=jnp.float32(0.5))
    assert stages_of(injected)[0].given["b2"] == 0.5
    assert stages_of(injected)[1].given["step_size"] == -1e-3


def test_what_is_given_is_named_as_in_the_signature(monkeypatch):
    """No closure's own names get out; what another version does not show is not made up."""
    given = stages_of(optax.adam(1e-3))[0].given
    assert set(given) <= set(inspect.signature(optax.scale_by_adam).parameters)

    def scale_by_adam(b1=0.9, b3=0.5):
        return b1, b3

    monkeypatch.setattr(optax, "scale_by_adam", scale_by_adam)
    with pytest.raises(UnreadError, match="scale_by_adam does not show b3"):
        stages_of(optax.adam(1e-3))


def test_whatever_looking_raises_is_one_error():
    """Of a stranger's object."""
    with pytest.raises(UnreadError, match="AttributeError"):
        stages_of(object())


def test_masks_and_labels_are_kept_with_their_stages():
    """A stage inside a mask is applied to a part only; of a partition each part has its own."""
    (masked,) = stages_of(optax.masked(optax.scale(2.0), {"a": True, "b": False}))
    assert masked.masks == ({"a": True, "b": False},)
    parts = optax.partition({"x": optax.scale(2.0), "y": optax.set_to_zero()}, {"a": "x", "b": "y"})
    scale, zero = stages_of(parts)
    assert [stage.name for stage in (scale, zero)] == ["scale", "set_to_zero"]
    assert (scale.masks[0]({}), zero.masks[0]({})) == ({"a": True, "b": False}, {"a": False, "b": True})


def test_a_stranger_is_not_taken_for_optax():
    """A function of the same name elsewhere bears its module's name."""

    def trace():
        def update_fn(updates, state, params=None):
            return updates, state

        return optax.GradientTransformation(lambda params: (), update_fn)

    assert names(trace()) == [f"{__name__}.test_a_stranger_is_not_taken_for_optax"]
    assert names(hidden(optax.sgd(0.1))) == ["tests.compare.explain.doctor.trained.hidden"]


def test_what_a_factory_raises_can_be_shown(monkeypatch, capsys):
    """Of one that cannot be made again no stage is read; why, is said where somebody asks."""
    monkeypatch.setenv(TRACEBACK, "1")

    def picky(learning_rate):
        if not isinstance(learning_rate, jax.Array):
            raise TypeError("arrays alone")
        return optax.sgd(learning_rate)

    injected = optax.inject_hyperparams(picky)(learning_rate=0.1)
    with contextlib.suppress(UnreadError):  # whether the stage itself can be read depends on the version
        stages_of(injected)
    assert "TypeError: arrays alone" in capsys.readouterr().err
