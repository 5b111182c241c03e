"""What compilers make of it, in sentences."""

from dataclasses import replace

import pytest

from compare.measure.contrast.cost_figures import Again, Costs, Seconds
from compare.measure.contrast.fates import AGAIN, DEAD, FUSED, Fates
from compare.measure.contrast.words_of_compilers import compiled
from tests.compare.measure.contrast.test_in_words import MADE

SECONDS = Seconds(1.0, 1.5, 1.0, 3.0, 7.0, 0.5, 1.1)


def said(made):
    """All of it, as one text."""
    return " ".join(compiled(made))


def test_what_compilers_make_of_it():
    """Where it was measured, and against the tape."""
    seconds = Seconds(1.0, 1.5, 1.0, 3.0, 7.0, 0.5, 1.1)
    text = said(replace(MADE, costs=Costs(65536, "", 16384, 0, (), 9, seconds)))
    assert "run in 9 kernels and need 16.0 KiB of temporaries at most, 0.5 times the tape" in text
    assert "64.0 KiB wait for the backward pass, 2.0 times the eager tape" in text
    assert "Recording adds 50 % to the loss's processor time" in text
    assert "as long as 20 of its steps" in text
    assert "Compiled" not in said(MADE)
    same = said(replace(MADE, costs=Costs(MADE.tape_bytes, "", 16384, 0, (), 9, seconds)))
    assert "wait for the backward pass, about as much as the eager tape." in same


@pytest.mark.parametrize(("recorded", "again"), [(0.95, 1.0), (1.05, 1.1), (1.05, 0.9)])
def test_noise_is_no_figure(recorded, again):
    """Of two runs of the same that differ by more, or of a loss that recording would make faster."""
    seconds = Seconds(1.0, recorded, 1.0, 3.0, 7.0, 0.5, again)
    text = said(replace(MADE, costs=Costs(65536, "", 16384, 0, (), 9, seconds)))
    assert "Recording adds no more than noise to the loss's processor time in every step" in text


def test_what_is_left_out_is_said_by_kind():
    """Of either compiler; or what it raised."""
    reference = Fates({DEAD: ("a",), FUSED: ("b", "c"), AGAIN: ("c",)}, 3, None)
    costs = Costs(None, "", None, 0, (), 9, SECONDS)
    text = said(replace(MADE, costs=costs, fates=(reference, Fates({FUSED: ("d",)}, 1, 1))))
    assert (
        "Of the 3 operations that torch.compile traces: 1 is needed by no result and left out; 2 run, 1 of them a"
        in text
    )
    assert "Of the 1 equation that jit traces: 1 runs in 1 kernel." in text
    refused = replace(MADE, costs=costs, fates=(Fates({}, 0, None, "no"), reference))
    assert "torch.compile does not take this: no" in said(refused)
    untraced = replace(MADE, costs=costs, fates=(Fates({}, 0, 5), reference))
    assert "torch.compile traces nothing of this that has a gradient, which runs as it does" in said(untraced)
    assert "Of the 0 operations" not in said(untraced)


def test_what_is_made_again_is_not_kept():
    """Bytes with and without, on both sides."""
    rows = (Again("nothing", 2048, 4096, 1000), Again("all of the loss", 0, 1024, 1500))
    text = said(replace(MADE, costs=Costs(65536, "", 16384, 0, rows, 9, SECONDS)))
    assert "With all of the loss made again the tape keeps 0 bytes between the passes, where it kept 2.0 KiB" in text
    assert "jax.vjp, op by op and with copies, 1.0 KiB where it kept 4.0 KiB." in text
    assert "takes 1.5 KiB of temporaries, where it took 1,000 bytes (+50 %): XLA decides anew" in text
    assert "(+50 %)" in text


@pytest.mark.parametrize(("plain", "whole"), [(100_000, 100_300), (100_300, 100_000), (0, 0)])
def test_a_change_that_rounds_to_nothing_is_none(plain, whole):
    """Nor is it "+0 %"."""
    rows = (Again("nothing", 2048, 4096, plain), Again("all of the loss", 0, 1024, whole))
    text = said(replace(MADE, costs=Costs(65536, "", 16384, 0, rows, 9, SECONDS)))
    assert "of temporaries, about as many as without: XLA decides anew what lives when." in text


def test_a_loss_that_takes_a_gradient_has_no_time_without_a_tape():
    """And nothing is said of what recording takes."""
    seconds = replace(SECONDS, plain=None, plain_again=None)
    text = said(replace(MADE, costs=Costs(None, "", None, 0, (), 9, seconds)))
    assert "Recording" not in text
    assert "as long as 20 of its steps" in text
