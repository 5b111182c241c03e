"""verify: what it says of kinks, skipped probes, one-sided results, float32 constants and broken ports."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.pair import Optimizers, Pair
from compare.verdict.verdict import Verdict
from compare.verification.verification import Plan, verify
from compare.weights.entry import same
from compare.weights.weights import WeightMap
from tests.compare.faults import square


def plain_sgd_torch(parameters, learning_rate):
    return torch.optim.SGD(parameters, lr=learning_rate)


def plain_sgd_jax(learning_rate):
    import optax

    return optax.sgd(learning_rate)


def small_pair(reference, port, x: np.ndarray) -> Pair:
    """One weight vector ``w``; the loss is a sum of squares."""
    return Pair(
        name="small",
        title="small",
        reference=reference,
        port=port,
        batch=lambda rng: Batch({"x": x}, {}),
        weights=lambda rng: {"w": rng.uniform(0.5, 1.5, x.shape[1])},
        weight_map=WeightMap(same("w")),
        loss=(lambda z: (z**2).sum(), lambda z: (z**2).sum()),
        optimizers=Optimizers(plain_sgd_torch, plain_sgd_jax, {"learning_rate": 0.1}),
    )


QUICK = Plan(quick=True)
X = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)


def by_probe(report, name: str) -> dict:
    return {quantity.probe: quantity for quantity in report.quantities if quantity.name == name}


def test_a_gradient_that_differs_on_a_kink_only_is_a_match(cpu):
    """|x| at 0: torch takes 0, JAX's where-form takes 1. Both are right there, and nearby they agree."""
    pair = small_pair(
        lambda p, x: (x * p["w"]).abs() + 1, lambda p, x: jnp.where(x * p["w"] >= 0, x * p["w"], -x * p["w"]) + 1, X
    )
    report = verify(pair, cpu)
    zeros = by_probe(report, "grad/input.x")["zeros"]
    assert report.verdict is Verdict.MATCH
    assert zeros.kink
    assert zeros.judgement.worst is not None
    assert (zeros.judgement.worst.reference, zeros.judgement.worst.port) != (0, 0)
    assert any("on a kink only" in notice for notice in report.notices)


def test_a_gradient_that_differs_around_the_probe_is_no_kink(cpu):
    """The same form with a wrong slope on one side of 0."""
    pair = small_pair(
        lambda p, x: (x * p["w"]).abs() + 1, lambda p, x: jnp.where(x >= 0, x * p["w"], -1.001 * x * p["w"]) + 1, X
    )
    report = verify(pair, cpu)
    assert by_probe(report, "grad/input.x")["zeros"].verdict is Verdict.MISMATCH
    assert not any(quantity.kink for quantity in report.quantities)


def test_nan_on_one_side_stays_invalid(cpu):
    """The gradient of sqrt at 0 is infinite; a port that guards it differs there, and that is no kink."""
    pair = small_pair(
        lambda p, x: (x * p["w"]).pow(2).sqrt() + p["w"],
        lambda p, x: jnp.where(x == 0, 0.0, jnp.sqrt(jnp.where(x == 0, 1.0, (x * p["w"]) ** 2))) + p["w"],
        X,
    )
    report = verify(pair, cpu)
    assert by_probe(report, "grad/input.x")["zeros"].verdict is Verdict.INVALID
    assert report.verdict is Verdict.INVALID


def test_a_constant_held_in_float32_is_float32_only(cpu):
    """0.1 rounded to float32 inside the port: no ordinary tolerance sees it, the oracle does. A notice, no failure."""
    rounded = float(np.float32(0.1))
    pair = small_pair(lambda p, x: x * p["w"] + 0.1, lambda p, x: x * p["w"] + rounded, X)
    report = verify(pair, cpu)
    assert report.verdict is Verdict.FLOAT32_ONLY
    assert not report.failed()
    assert report.failed(strict=True)
    assert any("float32 only" in notice for notice in report.notices)


def test_a_probe_on_which_the_reference_raises_is_skipped_and_listed(cpu):
    """The reference's own domain is no fault of the port."""

    def picky(params, x):
        if float(x.detach().abs().max()) > 100:
            raise ValueError("inputs are expected below 100")
        return x * params["w"]

    report = verify(small_pair(picky, lambda p, x: x * p["w"], X), cpu)
    assert report.verdict is Verdict.MATCH
    assert set(report.coverage.skipped) == {"offset", "saturated"}
    assert "the reference raised ValueError: inputs are expected below 100" in report.coverage.skipped["offset"]
    assert "offset" not in report.coverage.probes


def test_a_port_that_raises_on_one_row_is_invalid(cpu):
    """Only the port raises, on a probe of --probes all."""

    def port(params, x):
        if x.shape[0] == 1:
            raise TypeError("one row is not supported")
        return x * params["w"]

    report = verify(small_pair(lambda p, x: x * p["w"], port, X), cpu, plan=Plan(all_probes=True))
    wrong = [quantity for quantity in report.quantities if quantity.verdict is not Verdict.MATCH]
    assert [(one.probe, one.verdict) for one in wrong] == [("one_row", Verdict.INVALID)]
    assert "the port raised TypeError: one row is not supported" in wrong[0].judgement.reason


def test_an_equinox_port_that_raises_on_one_row_is_invalid(cpu):
    """In evaluation mode too, where a module says that it is written for one row by raising."""

    class Scale(eqx.Module):
        w: jax.Array

        def __call__(self, x, inference=False):
            if x.shape[0] == 1:
                raise TypeError("one row is not supported")
            return x * self.w

    class Reference(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(4))

        def forward(self, x):
            return x * self.w

    pair = Pair(Reference(), Scale(jnp.ones(4)), X, modes=("eval",))
    report = verify(pair, cpu, plan=Plan(all_probes=True))
    wrong = [quantity for quantity in report.quantities if quantity.verdict is not Verdict.MATCH]
    assert {(one.probe, one.verdict) for one in wrong} == {("one_row", Verdict.INVALID)}
    assert all("the port raised TypeError: one row is not supported" in one.judgement.reason for one in wrong)


def test_a_model_that_raises_on_the_batch_itself_is_bad_input(cpu):
    """The comparison could not start: the side and its own words, on one line."""

    def port(params, x):
        raise TypeError("no\nsuch thing")

    with pytest.raises(UsageError, match="pair small: the port raised TypeError: no such thing"):
        verify(small_pair(lambda p, x: x * p["w"], port, X), cpu)


def test_an_equinox_module_of_one_row_is_told_what_to_give(cpu):
    """On the batch itself, where no weight map had to be found before."""

    class Row(eqx.nn.Linear):
        def __call__(self, x, inference=False):
            return super().__call__(x)

    given = WeightMap(same("weight"), same("bias"))
    row = Row(4, 2, key=jax.random.key(0))
    pair = Pair(torch.nn.Linear(4, 2), row, X, weight_map=given, modes=("eval",))
    with pytest.raises(UsageError, match=r"raised TypeError on the whole batch .*give \(lambda module, x: jax.vmap"):
        verify(pair, cpu)


def test_outputs_of_another_structure_are_invalid(cpu):
    """One output here, two there: both structures are named, and nothing of the pair counts as compared."""
    pair = small_pair(lambda p, x: x * p["w"], lambda p, x: (x * p["w"], x), X)
    report = verify(replace(pair, loss=(pair.loss[0], lambda z: (z[0] ** 2).sum())), cpu)
    reasons = {quantity.probe: quantity.judgement.reason for quantity in report.quantities}
    assert report.verdict is Verdict.INVALID
    assert report.failed()
    assert reasons["batch"] == (
        "the port returns a tuple of 2 and the reference one array: {output/0: (8, 4), output/1: (8, 4)} and "
        "{output: (8, 4)}"
    )
    assert report.explanation is None or report.explanation.first is None
    assert report.coverage.not_compared == ("grad/w", "update/w")


def test_an_output_of_another_shape_is_invalid(cpu):
    """A lost axis is no number."""
    pair = small_pair(lambda p, x: x * p["w"], lambda p, x: (x * p["w"]).reshape(-1), X)
    report = verify(pair, cpu)
    assert by_probe(report, "output")["batch"].judgement.reason == (
        "the reference returns {output: (8, 4)}, the port {output: (32,)}"
    )
    assert report.verdict is Verdict.INVALID


class Counting(torch.nn.Module):
    """One weight and a buffer that the port has no counterpart of; a call may change it."""

    def __init__(self, persistent: bool, changes: bool):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(4))
        self.register_buffer("running", torch.zeros(4), persistent=persistent)
        self.changes = changes

    def forward(self, x):
        if self.changes:
            self.running += 1
        return x * self.w


@pytest.mark.parametrize("persistent", [False, True])
def test_a_buffer_that_changes_and_nobody_compared_makes_the_pair_incomplete(persistent, cpu):
    """It has no counterpart in this map, and a run does not leave it as it was: said, not passed over."""
    report = verify(small_pair(Counting(persistent, True), lambda p, x: x * p["w"], X), cpu, plan=QUICK)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.coverage.not_compared == ("buffer running",)
    assert report.coverage.constants == ()
    assert report.failed()


@pytest.mark.parametrize("persistent", [False, True])
def test_a_buffer_that_stays_is_listed_as_a_constant(persistent, cpu):
    """A table that the port computes for itself does not count."""
    report = verify(small_pair(Counting(persistent, False), lambda p, x: x * p["w"], X), cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert report.coverage.constants == ("running",)
    assert report.coverage.not_compared == ()


def test_a_quantity_that_never_changes_is_uninformative(cpu):
    """An output that ignores its input agrees on every probe, and that says little."""
    pair = small_pair(lambda p, x: p["w"] * 2 + 0 * x.sum(), lambda p, x: p["w"] * 2 + 0 * x.sum(), X)
    assert "output" in verify(pair, cpu).coverage.uninformative


def test_a_toothless_check_is_reported(cpu):
    """A model that ignores what enters: no mutant can show in its output."""
    pair = small_pair(lambda p, x: x * 0 + p["w"] * 0, lambda p, x: x * 0 + p["w"] * 0, X)
    report = verify(pair, cpu)
    assert "output" in report.teeth.toothless
    assert any(notice.startswith("teeth: no mutant was caught by") for notice in report.notices)
    assert report.failed(strict=True)


def test_a_check_that_fails_already_is_not_called_toothless(cpu):
    """A mutant cannot worsen a mismatch; that says nothing about the check."""
    report = verify(small_pair(lambda p, x: x * p["w"], lambda p, x: -x * p["w"], X), cpu)
    assert report.verdict is Verdict.MISMATCH
    assert "output" not in report.teeth.toothless


def test_oracles_may_run_elsewhere_and_the_result_is_the_same(cpu):
    """An explicit oracle device is used; here it is the same one."""
    one, other = verify(square(), cpu), verify(square(), cpu, oracle=cpu)
    assert [quantity.judgement for quantity in one.quantities] == [quantity.judgement for quantity in other.quantities]


def test_the_seed_is_what_decides(cpu):
    """Another seed, other arrays, the same verdict."""
    one, other = verify(square(), cpu), verify(square(), cpu, plan=Plan(seed=7))
    assert other.verdict is Verdict.MATCH
    assert one.quantities[0].judgement.scale != other.quantities[0].judgement.scale
