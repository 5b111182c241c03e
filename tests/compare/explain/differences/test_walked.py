"""Optimizers and schedules as entries of the table."""

from dataclasses import replace

import pytest

from compare.explain.differences.rows import OPTIMIZERS as ROWS
from compare.explain.differences.walked import optimizer_difference, optimizer_name, optimizer_names

USERS_MODELS = True
BY_NAME = {row.name: row for row in ROWS}


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("AdamW", "optim.AdamW"),
        ("StepLR", "optim.lr_scheduler.StepLR"),
        ("warm-up, then cosine", "optim.lr_scheduler.SequentialLR"),
        ("clip_grad_norm_", "nn.utils.clip_grad_norm_"),
    ],
)
def test_the_name_that_a_row_is_of(recipe, name):
    """Of its clipping, of its schedule, or of its optimizer."""
    assert optimizer_name(BY_NAME[recipe]) == name


def test_an_entry():
    """How far the form by the same names goes astray, from which step on, and the twin."""
    assert optimizer_names(BY_NAME["StepLR"]) == ["optax.exponential_decay"]
    row = replace(BY_NAME["LambdaLR"], steps=5)
    one = optimizer_difference(row, "schedules")
    (facing,) = one.ports
    assert facing.names == {}
    assert not facing.plain.equal
    assert facing.plain.returned == "from step 1 on"
    assert facing.adapted.equal
    assert facing.settings == "sgd(lambda t: 0.05 * 0.95**t, momentum=0)"


def test_what_is_equal_needs_nothing():
    """No twin is shown."""
    (facing,) = optimizer_difference(replace(BY_NAME["SGD"], steps=3), "optimizers").ports
    assert facing.plain.equal
    assert (facing.adapted, facing.settings) == (None, "")


def test_a_twin_that_is_none_is_said():
    """However it came in."""
    one = optimizer_difference(replace(BY_NAME["AdamW"], twin="adamw(0.03)", steps=3), "optimizers")
    assert "adamw(0.03) is 5e-01 apart, and no reason is given" in one.fault
