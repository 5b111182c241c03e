"""Every sound port of the table is a match, its weight map found, and its models left as they were."""

from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from compare.api import verify
from compare.pair.pair import Pair
from compare.pair.pair_file import load
from tests.compare.zoo import (
    attention,
    complex_numbers,
    conv,
    dense,
    equinox_ports,
    joined,
    kernels,
    lowered,
    norms,
    oracles,
    saturated,
    sequences,
)
from tests.compare.zoo.row import Sound

ROWS = [
    *dense.ROWS, *conv.ROWS, *norms.ROWS, *sequences.ROWS, *attention.ROWS, *equinox_ports.ROWS, *oracles.ROWS,
    *saturated.ROWS,
    *kernels.ROWS,
    *complex_numbers.ROWS,
    *lowered.ROWS,
    *joined.ROWS,
]  # fmt: skip
NEED_RULES = {"gated_unit_rules_linen"}
FULLY = (
    "raw_parameters_linen",
    "batch_norm_dense_linen",
    "tied_head_linen",
    "lstm_function",
    "key_bias_per_head_linen",
    "attention_equinox",
    "complex_layers_linen",
    "linear_recurrence_linen",
)
AS_USERS = ("gpt_block", "lstm")  # compiled as users' programs are, which takes three times as long
EXAMPLES = [
    pytest.param(path, id=path.stem, marks=pytest.mark.optimized if path.stem in AS_USERS else ())
    for path in sorted((Path(__file__).parents[3] / "examples").glob("*.py"))
    if "Pair(" in path.read_text()  # the others are programs
]


def pair_of(row: Sound) -> Pair:
    return Pair(row.reference(), row.port(), row.batch, name=row.name, **row.options)


def test_the_table_is_long_and_names_are_unique():
    """At least 40 sound ports, in Linen, in NNX and in Equinox; rules only where nothing else decides."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 40
    assert sum("linen" in name for name in names) >= 20
    assert sum("nnx" in name for name in names) >= 20
    assert sum("equinox" in name for name in names) >= 6
    assert {row.name for row in ROWS if row.options.get("rules")} == NEED_RULES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_sound_port_is_a_match(row):
    """Outputs, gradients and statistics, in training and evaluation."""
    report = verify(pair_of(row), device="cpu", quick=True)
    differing = [
        (one.name, one.verdict, one.judgement.reason) for one in report.found.quantities if one.verdict != "match"
    ]
    assert (report.verdict, differing) == ("match", [])


@pytest.mark.optimized
@pytest.mark.parametrize("row", [row for row in ROWS if row.name in FULLY], ids=lambda row: row.name)
def test_a_sound_port_is_a_match_on_every_probe(row):
    """The default run, with probes, kinks and mutants; no check that mutants reach is toothless."""
    report = verify(pair_of(row), device="cpu")
    assert report.verdict == "match"
    assert report.found.teeth.mutants
    assert not report.found.teeth.toothless


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_is_a_match(path):
    """What a reader is shown as a sound port is one."""
    for pair in load(path):
        assert verify(pair, device="cpu", quick=True).verdict == "match"


@pytest.mark.parametrize("row", lowered.ROWS, ids=lambda row: row.name)
def test_what_both_sides_round_is_noticed_and_counts_when_strict(row):
    """But for what loses nothing."""
    report = verify(pair_of(row), device="cpu", quick=True)
    noticed = [notice for notice in report.found.notices if "inside, on both sides: " in notice]
    assert len(noticed) == (row.name != "exact_mask_linen")
    assert report.found.failed(strict=True) is bool(noticed)


def test_float32_and_bfloat16_are_not_below_bfloat16():
    """A decoder that casts to float32, at the working precision bfloat16."""
    (path,) = (path for path in (Path(__file__).parents[3] / "examples").glob("llama_decoder.py"))
    (pair,) = load(path)
    report = verify(pair, device="cpu", dtype="bfloat16", quick=True)
    assert report.verdict == "match"
    assert not report.found.lowered


def test_a_row_with_a_fault_is_none():
    """The same table, one weight's layout wrong in the port: the check can fail."""
    row = next(row for row in ROWS if row.name == "raw_parameters_linen")
    pair = pair_of(row)
    wrong = Pair(
        pair.reference,
        pair.port,
        pair.batch,
        port_outputs=lambda out: jax.tree.map(lambda leaf: leaf * (1 + 1e-9), out),
    )
    assert verify(wrong, device="cpu", quick=True).verdict == "mismatch"


def test_the_weights_of_a_row_are_untouched():
    """Verifying leaves both models as they were, bit by bit."""
    row = next(row for row in ROWS if row.name == "batch_norm_dense_nnx")
    reference, port = row.reference(), row.port()
    before = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    leaves = _arrays(port)
    verify(Pair(reference, port, row.batch, **row.options), device="cpu", quick=True)
    assert all((reference.state_dict()[name] == tensor).all() for name, tensor in before.items())
    assert all(np.array_equal(one, other) for one, other in zip(leaves, _arrays(port), strict=True))


def _arrays(module: nnx.Module) -> list[np.ndarray]:
    return [
        np.array(leaf)
        for leaf in jax.tree.leaves(nnx.to_pure_dict(nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))))
    ]
