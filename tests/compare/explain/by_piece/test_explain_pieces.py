"""Where a port by module differs: the reference's module, the lines, and the way on which it does."""

import jax
import jax.numpy as jnp
import pytest
import torch

from compare.arrays.aside import Aside
from compare.explain.by_piece.explain_pieces import NO_CAUSE, explain_by_piece
from compare.explain.by_piece.reference_results import NotedReference
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import BACKWARD
from compare.pair.pair import Pair
from compare.sides.judging import Judged
from compare.sides.plan import Plan
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.verification import Session
from tests.compare.small import X
from tests.compare.small_decoder import decoder_pair, loss, port_loss


def explained(pair: Pair, cpu, **judged):
    """As if its own batch had failed."""
    session = Session(pair, cpu, plan=Plan(quick=True), aside=Aside(small=0, room=0))
    judgements = {name: Judgement(Verdict.MISMATCH) for name in judged.get("failing", ())}
    run = FailedRun("batch", session.prepared.modes[0], session.entering(), Judged(judgements))
    return explain_by_piece(session.quartet, [run])


def test_a_gradient_that_is_changed_between_two_pieces_is_found_on_the_way_back(cpu):
    """All outputs agree; what comes back to the block before is twice what the reference sends."""
    found = explained(decoder_pair("doubled", loss=(loss, port_loss)), cpu)
    assert found.first.direction == BACKWARD
    assert found.first.quantity == "gradient of the result of add in the model"
    assert found.first.gap == pytest.approx(1)
    assert "small_decoder.py:" in found.first.place_port
    assert found.notes == (NO_CAUSE,)


def test_the_piece_and_its_gradients_are_named(cpu):
    """Of those that are no match, how many, and which of them are of parameters there."""
    failing = ("grad/embed.weight", "grad/blocks.0.up.weight")
    found = explained(decoder_pair("mask"), cpu, failing=failing)
    assert found.observed == (
        "it is in piece 2 of 8, with params/blocks.0.up.weight, params/blocks.0.up.bias",
        "parameters whose gradients are no match: 2, there: blocks.0.up.weight",
    )
    assert found.first.place_reference.endswith("small_decoder.py:32")


class Normed(torch.nn.Module):
    """A norm before a layer: one function of torch's, many operations of the port's."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc = torch.nn.LayerNorm(4), torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(x))


def normed(weights: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    x = x - x.mean(-1, keepdims=True)
    x = x / jnp.sqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-3)
    x = x * weights["norm.weight"] + weights["norm.bias"]
    return x @ weights["fc.weight"].T + weights["fc.bias"]


def test_a_module_whose_parts_have_no_counterpart_is_compared_with_what_they_come_to(cpu):
    """How far its result is from the reference's, and not the first of its parts."""
    first = explained(Pair(Normed(), normed, X), cpu).first
    assert (first.reference, first.port) == ("norm", "norm")
    assert 1e-5 < first.gap < 1e-2
    assert first.place_reference.endswith(f"test_explain_pieces.py:{Normed.forward.__code__.co_firstlineno + 1}")
    assert first.place_port.endswith(f"test_explain_pieces.py:{normed.__code__.co_firstlineno + 3}")


def test_a_sound_port_has_no_such_place(cpu):
    """Whatever its layouts, and what its code makes good again."""
    found = explained(decoder_pair(), cpu)
    assert found.first is None
    assert found.notes[0] == "no single piece introduces the difference"


def test_a_model_that_does_not_stand_being_watched_keeps_its_verdict(cpu, monkeypatch):
    """A line says why there is no place."""

    def broken(*given: object) -> None:
        raise RuntimeError("no hooks\nhere")

    monkeypatch.setattr(NotedReference, "noted", broken)
    found = explained(decoder_pair("mask"), cpu)
    assert found.first is None
    assert found.notes[0] == "where: not found on batch: RuntimeError: no hooks here"
    assert explain_by_piece(None, []).notes == (NO_CAUSE,)
