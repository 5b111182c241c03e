"""One setting of both sides in a sentence, with what a person would see in it."""

import pytest

from compare.explain.doctor.updates.rule_settings import differing
from compare.explain.doctor.updates.rules import AFTER, usual
from compare.explain.doctor.updates.words import wording_of

PLAIN = usual("SGD", rates=(0.1,))


def text(port, reference):
    (one,) = differing((reference,), (port,))
    return wording_of(one, (port,), (reference,), ("w",), (2,)).text


def test_a_sentence_names_both_sides():
    """The port first."""
    assert text(PLAIN.but(rates=(0.2,)), PLAIN) == "learning rate is 0.2 in the port, 0.1 in the reference"


def test_an_epsilon_says_where_it_stands_only_where_the_places_differ():
    """Inside the root against outside; or just two numbers."""
    adam = usual("Adam", epsilon=1e-8)
    inside = adam.but(epsilon=0.0, epsilon_root=1e-8)
    assert text(inside, adam).endswith("is 1e-08 inside the root in the port, 1e-08 outside the root in the reference")
    assert text(adam.but(epsilon=1e-6), adam) == "epsilon is 1e-06 in the port, 1e-08 in the reference"


@pytest.mark.parametrize(
    ("port", "reference", "remark"),
    [
        ((-0.1,), (0.1,), "every step goes the opposite way"),
        ((0.2, 0.3, 0.4), (0.1, 0.2, 0.3), "the port's schedule is one step ahead"),
        ((0.1, 0.1, 0.2), (0.1, 0.2, 0.3), "the port's schedule is one step behind"),
    ],
)
def test_a_learning_rate_is_recognised(port, reference, remark):
    """The sign, and a schedule off by one."""
    assert text(PLAIN.but(rates=port), PLAIN.but(rates=reference)).endswith(f": {remark}")


def test_no_remark_without_a_reason():
    """Constant rates are neither ahead nor behind."""
    assert ":" not in text(PLAIN.but(rates=(0.2,)), PLAIN)


def test_a_decay_after_the_rate_is_told():
    """Its sign is the wrong one as well."""
    said = text(PLAIN.but(weight_decay=0.1, coupling=AFTER), PLAIN.but(coupling=AFTER))
    assert said.endswith("added after the learning rate, unscaled, so that the weights grow")
