"""By which argument a model is told to train or to evaluate."""

import functools

import pytest

from compare.frameworks.models.modes import mode_arguments, takes_mode

FUNCTIONS = {
    "train": (lambda p, x, train=False: x, {"train": True}, {"train": False}),
    "training": (lambda p, x, *, training: x, {"training": True}, {"training": False}),
    "deterministic": (lambda p, x, deterministic=True: x, {"deterministic": False}, {"deterministic": True}),
    "use_running_average": (
        lambda p, x, use_running_average: x,
        {"use_running_average": False},
        {"use_running_average": True},
    ),
    "two": (
        lambda p, x, is_training, inference: x,
        {"is_training": True, "inference": False},
        {"is_training": False, "inference": True},
    ),
    "none": (lambda p, x, mask=None: x, {}, {}),
    "anything": (lambda p, *args, **kwargs: args, {}, {}),
}


@pytest.mark.parametrize(("function", "training", "evaluation"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_model_is_told_by_the_arguments_it_names(function, training, evaluation):
    """True while training or false while training, as the name says; without a mode nothing is said."""
    assert mode_arguments(function, True, {}) == training
    assert mode_arguments(function, False, {}) == evaluation
    assert mode_arguments(function, None, {}) == {}
    assert takes_mode(function) == bool(training)


def test_what_the_batch_says_is_not_said_again():
    """A pair that passes ``train`` itself keeps its word."""
    function = FUNCTIONS["two"][0]
    assert mode_arguments(function, True, {"is_training": False}) == {"inference": False}


def test_a_callable_without_a_signature_is_told_nothing():
    """Built-in functions have none; a partial has its function's."""
    assert mode_arguments(max, True, {}) == {}
    assert not takes_mode(max)
    assert takes_mode(functools.partial(FUNCTIONS["train"][0], None))
