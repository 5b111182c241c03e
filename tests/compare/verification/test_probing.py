"""One probe: skipped and listed where the reference does not take it, or what lies beside it."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from compare.sides.reference import ReferenceSide
from compare.verdict.verdict import Verdict
from compare.verification import certificates
from compare.verification.verification import Plan, verify
from compare.weights.entry import same
from compare.weights.weights import WeightMap

USERS_MODELS = True
X = np.random.default_rng(0).uniform(0.5, 1.5, (8, 4)).astype(np.float32)
PROBED = Plan(locate=False)
QUICK = Plan(quick=True, locate=False)


def of_positive(p, x):
    """|x| where x is 0 or more: JAX's where-form has another slope at 0, where both are right."""
    if bool((x < 0).any()):
        raise ValueError("numbers below 0 are refused")
    return (x * p["w"]).abs() + 1


def port(p, x):
    return jnp.where(x * p["w"] >= 0, x * p["w"], -x * p["w"]) + 1


def in_float32(p, x):
    return jnp.tanh(x.astype(jnp.float32) * p["w"].astype(jnp.float32)).astype(x.dtype)


def small(reference, x=X, made=port, **fields) -> Pair:
    return Pair(
        reference,
        made,
        lambda rng: Batch({"x": x}, {}),
        weights=lambda rng: {"w": rng.uniform(0.5, 1.5, x.shape[1])},
        weight_map=WeightMap(same("w")),
        name="small",
        **fields,
    )


def test_a_kink_whose_neighbours_are_refused_is_a_skipped_probe(cpu):
    """On zeros the gradients differ, and every neighbour has numbers below 0: nothing can be said of that probe."""
    report = verify(small(of_positive), cpu, plan=PROBED)
    assert report.verdict is Verdict.MATCH
    assert "zeros" not in report.coverage.probes
    assert report.coverage.skipped["zeros"].startswith(
        "beside it, the reference raised ValueError: numbers below 0 are refused ("
    )
    assert any(notice.startswith("probe zeros skipped: beside it") for notice in report.notices)


def test_beside_numbers_of_one_sign_a_kink_is_asked_on_that_side(cpu):
    """Pixels of which some are 0, and a reference that refuses what is below: a kink all the same."""
    edge = np.where(X > 1, X, 0).astype(np.float32)
    for sign in (1, -1):
        report = verify(small(lambda p, x, sign=sign: of_positive(p, sign * x), sign * edge), cpu, plan=QUICK)
        assert report.verdict is Verdict.MATCH
        assert {one.name for one in report.quantities if one.kink} == {"grad/input.x"}


def of_halves(p, x):
    """|x| of numbers that are 0 or far from it."""
    if bool(((x != 0) & (x.abs() < 0.4)).any()):
        raise ValueError("numbers near 0 are refused")
    return (x * p["w"]).abs() + 1


EDGE = np.where(X > 1, X, 0).astype(np.float32)


def test_on_the_batch_itself_what_cannot_be_decided_is_incomplete(cpu):
    """It cannot be skipped, and no neighbour tells whether it is a kink: no pass and no accusation, but listed."""
    report = verify(small(of_halves, EDGE), cpu, plan=QUICK)
    undecided = {one.name: one for one in report.quantities if one.verdict is Verdict.INCOMPLETE}
    assert (report.verdict, set(undecided)) == (Verdict.INCOMPLETE, {"grad/input.x"})
    assert "whether on a kink alone cannot be told" in undecided["grad/input.x"].judgement.reason
    assert undecided["grad/input.x"].judgement.gap > 0
    assert "numbers near 0 are refused" in report.coverage.skipped["batch, nearby"]


def test_a_kink_on_the_batch_itself_is_caught_in_no_mutant(cpu, monkeypatch):
    """It differs in every run: a mutant that changes nothing is caught by no check."""
    monkeypatch.setattr(certificates, "mutants", lambda entering: {"nothing": entering})
    reference = of_halves, lambda p, x: (x * p["w"]).abs() + 1
    for one, left in zip(reference, ({"grad/input.x"}, set()), strict=True):
        report = verify(small(one, EDGE), cpu, plan=PROBED)
        assert {own.name for own in report.quantities if own.probe == "batch" and own.verdict != "match"} == left
        assert any(own.kink for own in report.quantities if own.probe == "batch") == (not left)
        assert not any(report.teeth.caught.values())


def test_what_differs_beside_an_undecided_gradient_stays_a_difference(cpu):
    """A wrong output is no kink, on the batch or on a probe where no neighbour can be asked."""

    def wrong_at_zero(p, x):
        return port(p, x) + jnp.where(jnp.all(x == 0), 1e-3, 0.0).astype(x.dtype)

    for made, probe, x in ((lambda p, x: port(p, x) + 1e-3, "batch", EDGE), (wrong_at_zero, "zeros", X)):
        reference = of_halves if probe == "batch" else of_positive
        report = verify(small(reference, x, made), cpu, plan=replace(PROBED, quick=probe == "batch"))
        wrong = {one.name for one in report.quantities if one.verdict is Verdict.MISMATCH and one.probe == probe}
        assert (report.verdict, wrong) == (Verdict.MISMATCH, {"output"})
        assert f"{probe}, nearby" in report.coverage.skipped


def test_a_probe_that_the_reference_takes_in_float32_alone_is_skipped(cpu):
    """The pair's own batch has its oracles; a probe without one says nothing that counts, and is listed."""

    def reference(p, x):
        if x.dtype == torch.float64 and float(x.detach().abs().max()) > 100:
            raise ValueError("too large for this")
        return x * p["w"]

    report = verify(small(reference, made=lambda p, x: x * p["w"]), cpu, plan=PROBED)
    assert report.verdict is Verdict.MATCH
    assert set(report.coverage.skipped) == {"offset", "saturated"}
    assert "too large for this" in report.coverage.skipped["offset"]


@pytest.mark.parametrize("inside", [False, True], ids=["plain", "float32 inside"])
def test_what_no_probe_changes_is_uninformative(cpu, inside):
    """A quantity of the weights alone, also where it is float32 inside that is raised on every probe."""

    def reference(p, x):
        wide = p["w"].to(torch.float32) if inside else p["w"]
        return {"x": x * p["w"], "w": torch.tanh(wide).to(x.dtype)}

    def ported(p, x):
        wide = p["w"].astype(jnp.float32) if inside else p["w"]
        return {"x": x * p["w"], "w": jnp.tanh(wide).astype(x.dtype)}

    report = verify(small(reference, made=ported), cpu, plan=PROBED)
    assert report.verdict is Verdict.MATCH
    assert any("float32 inside" in notice for notice in report.notices) == inside
    assert "output/w" in report.coverage.uninformative
    assert "output/x" not in report.coverage.uninformative


def test_the_references_run_by_promoted_oracles_is_run_once(cpu, monkeypatch):
    """What the pair's own batch was judged by last is what every probe is held against."""
    runs, run = [], ReferenceSide.run

    def counted(side, entering, mode=None):
        runs.append((side.promoted, side.precision.name, entering.batches[0].inputs["x"].tobytes()))
        return run(side, entering, mode)

    monkeypatch.setattr(ReferenceSide, "run", counted)
    pair = small(lambda p, x: torch.tanh(x.float() * p["w"].float()).to(x.dtype), made=in_float32)
    report = verify(pair, cpu, plan=replace(PROBED, quick=False))
    assert report.verdict is Verdict.MATCH
    own = [asked for asked in runs if asked[2] == X.tobytes()]
    promoted = [asked for asked in own if asked[0]]
    assert len(promoted) == 2  # judged, and for the mutants


@pytest.mark.parametrize("largest", [1.0, 0.5])
def test_where_the_noise_cannot_be_measured_the_verdict_stays(cpu, largest):
    """The steps are sound; moved by their last place, inputs of 1 leave what the reference takes."""

    def reference(p, x):
        if float(x.detach().abs().max()) > 1:
            raise ValueError("at most 1 is expected")
        return x * p["w"]

    inputs = np.full((8, 4), largest, np.float32)
    optimizers = (lambda p: torch.optim.SGD(p, lr=0.1), optax.sgd(0.1))
    pair = small(reference, inputs, lambda p, x: x * p["w"], optimizers=optimizers)
    report = verify(pair, cpu, plan=Plan(quick=True, locate=False))
    assert report.verdict is Verdict.MATCH
    assert (report.envelope is None) == (largest == 1.0)
    said = [notice for notice in report.notices if "at most 1 is expected" in notice]
    assert [notice.split(":")[0] for notice in said] == ["no noise envelope"] * (largest == 1.0)
