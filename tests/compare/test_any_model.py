"""verify on what users bring: forms of inputs and outputs, modes, shared weights, optimizers, and their faults."""

import re
from dataclasses import dataclass, replace
from typing import Any

import flax.struct
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen

from compare.arrays.arrays import PARAMS
from compare.arrays.batch import Batch
from compare.arrays.views import transposed
from compare.errors import UsageError
from compare.verdict.verdict import Verdict
from compare.verification.verification import PairReport, Plan, verify
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap
from tests.compare.small import X, dense_pair, loose_pair, norm_pair, seeded

USERS_MODELS = True
QUICK = Plan(quick=True)
IDS = np.array([[0, 3, 1], [2, 2, 0]])


def differing(report: PairReport) -> set[str]:
    return {one.name for one in report.quantities if one.verdict is not Verdict.MATCH}


def names(report: PairReport) -> set[str]:
    return {one.name for one in report.quantities}


FORMS: dict[str, tuple[Any, Any, Any]] = {
    "several": ((X, X + 1), lambda p, a, b: a * p["w"] - b, {"a", "b"}),
    "keywords": ({"a": X, "b": X + 1}, lambda p, *, b, a: a * p["w"] - b, {"a", "b"}),
    "nested": (
        ({"a": X, "more": (X + 1, [X + 2])},),
        lambda p, x: x["a"] * p["w"] - x["more"][0] * x["more"][1][0],
        {"x.a", "x.more.0", "x.more.1.0"},
    ),
    "none and flags": (
        {"x": X, "mask": None, "double": True},
        lambda p, x, mask, double: x * p["w"] * (2 if double and mask is None else 1),
        {"x"},
    ),
    "a mask": ({"x": X, "mask": X > 0}, lambda p, x, mask: x * p["w"] * mask, {"x"}),
}


@pytest.mark.parametrize(("inputs", "function", "floating"), FORMS.values(), ids=FORMS)
def test_every_form_of_inputs_reaches_both_sides(inputs, function, floating, cpu):
    """The same function runs on either side's arrays; every floating input has its gradient."""
    pair = loose_pair(function, function, inputs)
    report = verify(replace(pair, batch=inputs), cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert {name for name in names(report) if "input." in name} == {f"grad/input.{name}" for name in floating}


def test_two_inputs_swapped_are_caught(cpu):
    """Of one shape: nothing but the numbers can tell."""
    pair = loose_pair(lambda p, a, b: a * p["w"] - b, lambda p, a, b: b * p["w"] - a, (X, X + 1))
    assert verify(pair, cpu, plan=QUICK).verdict is Verdict.MISMATCH


@dataclass
class TorchOut:
    """As transformers return."""

    logits: Any
    hidden: Any = None


@flax.struct.dataclass
class JaxOut:
    """The same in Flax."""

    logits: Any
    hidden: Any = None


OUTPUTS = {
    "tuple": (lambda z: (z, 2 * z), lambda z: (z, 2 * z), {"output/0", "output/1"}),
    "dictionary": (lambda z: {"z": z, "a": 2 * z}, lambda z: {"z": z, "a": 2 * z}, {"output/a", "output/z"}),
    "dataclass": (lambda z: TorchOut(z, [z + 1]), lambda z: JaxOut(z, [z + 1]), {"output/logits", "output/hidden/0"}),
    "a dataclass beside a dictionary": (TorchOut, lambda z: {"logits": z}, {"output/logits"}),
    "integers beside": (
        lambda z: (z, z.argmax(-1)),
        lambda z: (z, z.argmax(-1)),
        {"output/0", "output/1"},
    ),
}


@pytest.mark.parametrize(("mine", "theirs", "named"), OUTPUTS.values(), ids=OUTPUTS)
def test_every_form_of_outputs_is_compared(mine, theirs, named, cpu):
    """Each array under one name; each floating one has a cotangent of its own."""
    pair = loose_pair(lambda p, x: mine(x * p["w"]), lambda p, x: theirs(x * p["w"]))
    report = verify(pair, cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert {name for name in names(report) if name.startswith("output")} == named


def test_the_names_lead_to_the_right_arrays(cpu):
    """A dictionary comes sorted out of JAX and in its own order out of torch: the key decides."""
    pair = loose_pair(lambda p, x: {"z": x * p["w"], "a": -x}, lambda p, x: {"z": -x, "a": x * p["w"]})
    assert {"output/z", "output/a"} <= differing(verify(pair, cpu, plan=QUICK))


def test_a_random_cotangent_sees_errors_that_cancel_in_a_sum(cpu):
    """Rows in another order: the sum of outputs and its gradients are the same, and a random cotangent is not."""
    pair = loose_pair(lambda p, x: x * p["w"], lambda p, x: jnp.flip(x * p["w"], 0))
    report = verify(pair, cpu, plan=QUICK)
    assert differing(report) >= {"output", "grad/w"}
    summed = replace(pair, loss=(lambda z: z.sum(), lambda z: z.sum()))
    assert "grad/w" not in differing(verify(summed, cpu, plan=QUICK))


def test_integers_alone_are_redrawn_within_their_bounds(cpu):
    """One probe; a port that treats one id otherwise is caught there, though the batch has no such id."""

    def batch(rng: np.random.Generator) -> Batch:
        return Batch.of(IDS % 3, names=("ids",), bounds={"ids": (0, 4)})

    sound = loose_pair(lambda p, ids: p["w"][ids], lambda p, ids: p["w"][ids], batch)
    report = verify(sound, cpu)
    assert report.verdict is Verdict.MATCH
    assert set(report.coverage.probes) == {"batch", "redrawn"}
    wrong = replace(sound, port=lambda p, ids: jnp.where(ids == 3, 0.0, p["w"][ids]))
    found = verify(wrong, cpu)
    assert {(one.name, one.probe) for one in found.quantities if one.verdict is not Verdict.MATCH} == {
        ("output", "redrawn"),
        ("grad/w", "redrawn"),
    }


class TorchTied(torch.nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(4, 5)
        self.head = torch.nn.Linear(5, 4, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.embed(ids)))


class LinenTied(linen.Module):
    """The same; ``tied`` or with the gradient of the head alone."""

    stopped: bool = False

    @linen.compact
    def __call__(self, ids):
        embed = linen.Embed(4, 5)
        x = jnp.tanh(embed(ids))
        table = embed.embedding
        return x @ (jnp.asarray(table) if not self.stopped else jnp.zeros_like(table) + _stop(table)).T


def _stop(x: Any) -> Any:
    import jax

    return jax.lax.stop_gradient(x)


TIED = WeightMap([Entry("embed.weight", f"{PARAMS}/Embed_0/embedding")])


@pytest.mark.parametrize("stopped", [False, True])
def test_tied_weights_have_one_gradient_the_sum(stopped, cpu):
    """Compared once, under the first name; a port that learns through one use only is caught there."""
    pair = dense_pair(weight_map=TIED, batch=lambda rng: Batch.of(IDS))
    report = verify(replace(pair, reference=seeded(TorchTied), port=LinenTied(stopped)), cpu, plan=QUICK)
    assert {name for name in names(report) if name.startswith("grad/")} == {"grad/embed.weight"}
    assert differing(report) == ({"grad/embed.weight"} if stopped else set())


def test_statistics_are_compared_in_both_modes(cpu):
    """After a training step; an evaluation that normalises by the batch is caught there alone."""
    report = verify(norm_pair(accept=("running_variance",)), cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert {"state/1.running_mean", "state/1.running_var", "eval/output", "eval/grad/0.weight"} <= names(report)
    assert report.coverage.constants == ("1.num_batches_tracked",)

    class Wrong(linen.Module):
        """Another epsilon in evaluation."""

        @linen.compact
        def __call__(self, x, train: bool):
            x, epsilon = linen.Dense(5)(x), 1e-5 if train else 1.1e-5
            return linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=epsilon)(x)

    found = verify(replace(norm_pair(accept=("running_variance",)), port=Wrong()), cpu, plan=QUICK)
    assert found.verdict is Verdict.MISMATCH
    assert "eval/output" in differing(found)
    assert not {name for name in differing(found) if not name.startswith("eval/")}


def test_the_running_variance_is_accepted_only_where_it_is_asked_for(cpu):
    """Without accept= the pair is a mismatch, by that one quantity, and its reason says what to do."""
    report = verify(norm_pair(), cpu, plan=QUICK)
    assert report.verdict is Verdict.MISMATCH
    assert differing(report) == {"state/1.running_var"}
    (one,) = [one for one in report.quantities if one.name == "state/1.running_var"]
    assert "accept=('running_variance',)" in one.judgement.reason


class LinenRNN(linen.Module):
    """A recurrent cell with one bias where torch has two, whose sum it is."""

    @linen.compact
    def __call__(self, x):
        w = self.param("w", linen.initializers.ones, (4, 5))
        u = self.param("u", linen.initializers.ones, (5, 5))
        b = self.param("b", linen.initializers.zeros, (5,))
        h = jnp.zeros((x.shape[0], 5), x.dtype)
        for step in range(x.shape[1]):
            h = jnp.tanh(x[:, step] @ w + h @ u + b)
        return h


RNN_MAP = WeightMap(
    [
        Entry("weight_ih_l0", f"{PARAMS}/w", transposed(1, 0)),
        Entry("weight_hh_l0", f"{PARAMS}/u", transposed(1, 0)),
        Entry("bias_ih_l0", f"{PARAMS}/b"),
        Entry("bias_hh_l0", f"{PARAMS}/b", summed=True),
    ]
)


def test_of_two_summed_biases_the_second_is_frozen_in_steps(cpu):
    """Values and gradients of both are compared; in a step the first takes it all, and the report says so."""
    pair = dense_pair(
        weight_map=RNN_MAP,
        batch=lambda rng: Batch.of(np.random.default_rng(1).standard_normal((3, 2, 4)).astype(np.float32)),
        reference_outputs=lambda outputs: outputs[0][:, -1],
        optimizers=(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9)),
    )
    pair = replace(pair, reference=seeded(lambda: torch.nn.RNN(4, 5, batch_first=True)), port=LinenRNN())
    report = verify(pair, cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH, differing(report)
    assert {"grad/bias_ih_l0", "grad/bias_hh_l0", "update/bias_ih_l0"} <= names(report)
    updates = {one.name: one.judgement.scale for one in report.quantities if one.name.startswith("update/bias")}
    assert updates["update/bias_ih_l0"] > 0
    assert updates.get("update/bias_hh_l0", 0.0) == 0.0
    assert report.coverage.frozen == ("bias_hh_l0",)
    assert report.coverage.not_compared == ()


def test_a_pair_without_optimizers_is_compared_without_steps(cpu):
    """And its coverage asks for no updates."""
    report = verify(dense_pair(), cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert not {name for name in names(report) if "update" in name}
    assert report.coverage.not_compared == ()


def test_nothing_is_counted_twice_with_quick_and_its_notice_says_so(cpu):
    """The base batch alone; no mutants."""
    report = verify(dense_pair(), cpu, plan=QUICK)
    assert report.coverage.probes == ("batch",)
    assert report.teeth.mutants == ()
    assert report.notices[0] == "quick: no probes and no mutants were run"


def test_a_raising_side_says_which_in_one_line(cpu):
    """Its own words; nothing was compared."""

    def broken(*given):
        raise RuntimeError("expected\n  3 axes")

    sound = loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"])
    for side in ("reference", "port"):
        with pytest.raises(UsageError) as raised:
            verify(replace(sound, **{side: broken}), cpu, plan=QUICK)
        words = rf"pair loose: the {side} raised RuntimeError: expected 3 axes \(.*test_any_model\.py:\d+\)"
        assert re.fullmatch(words, str(raised.value))


def test_adapters_bring_both_sides_together(cpu):
    """Channels first on one side, last on the other; an extra output left out."""
    pair = loose_pair(
        lambda p, x: (x * p["w"][:, None], "extra"),
        lambda p, *, image: image * p["w"],
        lambda rng: Batch.of(rng.standard_normal((2, 4, 3), dtype=np.float32)),
        port_inputs=lambda x: {"image": jnp.swapaxes(x, 1, 2)},
        port_outputs=lambda z: jnp.swapaxes(z, 1, 2),
        reference_outputs=lambda outputs: outputs[0],
    )
    assert verify(pair, cpu, plan=QUICK).verdict is Verdict.MATCH
    assert verify(replace(pair, port_outputs=None), cpu, plan=QUICK).verdict is Verdict.INVALID


def test_an_unused_parameter_and_input_have_a_gradient_of_zero(cpu):
    """torch leaves their ``.grad`` at None, JAX returns zeros: the same gradient under the same name."""
    used = loose_pair(lambda p, x: (2 * x).sum(1), lambda p, x: (2 * x).sum(1))
    report = verify(used, cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert {one.judgement.scale for one in report.quantities if one.name == "grad/w"} == {0.0}
    report = verify(loose_pair(lambda p, x: 2 * p["w"], lambda p, x: 2 * p["w"]), cpu, plan=QUICK)
    assert report.verdict is Verdict.MATCH
    assert {one.judgement.scale for one in report.quantities if "input" in one.name} == {0.0}


def test_an_output_that_the_loss_does_not_take_is_compared_too(cpu):
    """Under its name on both sides, though no gradient comes through it."""
    loss = (lambda z: (z[0] ** 2).sum(), lambda z: (z[0] ** 2).sum())
    pair = loose_pair(lambda p, x: (x * p["w"], x), lambda p, x: (x * p["w"], x), loss=loss)
    assert verify(pair, cpu, plan=QUICK).verdict is Verdict.MATCH
    wrong = replace(pair, port=lambda p, x: (x * p["w"], x * 1.001))
    assert differing(verify(wrong, cpu, plan=QUICK)) == {"output/1"}
