"""What the options of the benchmark ask for, and what they refuse to pass over."""

import argparse

import pytest

from compare.cli import bench_options as bench
from compare.cli.bench_options import check_alone, processes_of, question_of
from compare.cli.cli import parsed
from compare.errors import UsageError
from compare.measure.bench import load


@pytest.mark.parametrize(
    ("arguments", "rounds", "number"),
    [
        ((), bench.ROUNDS, bench.PROCESSES),
        (("--quick",), bench.QUICK_ROUNDS, 1),
        (("--quick", "--rounds", "7", "--processes", "2"), 7, 2),
    ],
)
def test_quick_gives_way_to_what_is_asked_for(arguments, rounds, number):
    """It changes what is not said, and nothing else."""
    options = parsed(["bench", *arguments])
    assert (question_of(options).rounds, processes_of(options)) == (rounds, number)
    assert question_of(options).compiled is ("--quick" not in arguments)


def test_a_size_that_is_not_asked_for_is_the_project_s_own():
    """And a quick run has the rows of a sweep, and waits less for a machine that is busy."""
    plain, quick = (question_of(parsed(["bench", *given])) for given in ([], ["--quick"]))
    assert (plain.width, plain.depth, plain.rows_of_batch, plain.swept) == (128, 2, None, False)
    assert quick.swept
    assert quick.patience < plain.patience
    assert [question_of(parsed(["bench", *given])).looking for given in ([], ["--every"], ["--json", "a.json"])] == [
        False, True, True,
    ]  # fmt: skip
    assert question_of(parsed(["bench", "--width", "7", "--depth", "3", "--batch", "5"])).width == 7


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--compare", "a", "b", "--row", "jax.jit"), "--row means nothing beside --compare, which runs nothing"),
        (("--compare", "a", "b", "--batch", "8"), "--batch means nothing beside --compare"),
        (("--compare", "a", "b", "--threads", "1"), "--threads means nothing beside --compare"),
        (("loose", "--compare", "a", "b"), "loose means nothing beside --compare"),
        (("--sweep", "s.json", "--width", "8"), "--width beside --sweep: expected the one or the other"),
        (("--precision", "tf32", "--dtype", "bfloat16"), "--precision tf32 beside --dtype bfloat16: expected float32"),
        (("--compare", "a", "b", "--every"), "--every means nothing beside --compare"),
        (("--sweep", "s.json", "--every"), "--every beside --sweep: expected the one or the other"),
        (
            ("--long", "--quick"),
            "--long beside --quick, which leaves torch's compiler out: expected the one or the other",
        ),
        (("--long", "--row", "jax.jit"), "--long beside --row, which names each row, long ones too"),
        (("loose", "--depth", "4"), "--depth: expected the pair mlp, whose layers can be chosen, got loose"),
    ],
)
def test_what_would_be_passed_over_is_refused(arguments, why):
    """In one line that says what was expected."""
    with pytest.raises(UsageError, match=why):
        check_alone(parsed(["bench", *arguments]))


@pytest.mark.parametrize(
    "arguments", [(), ("--compare", "a", "b"), ("--sweep", "s.json", "--quick"), ("loose", "--batch", "8")]
)
def test_what_goes_together_goes(arguments):
    """Nothing is refused that has its say."""
    check_alone(parsed(["bench", *arguments]))


def test_all_threads_are_as_many_as_there_are_processors(monkeypatch):
    """That the process may run on."""
    monkeypatch.setattr(load, "cores", lambda: 3)
    assert question_of(parsed(["bench", "--threads", "all"])).threads == 3
    assert question_of(parsed(["bench", "--threads", "2"])).threads == 2


def test_what_is_no_number_of_threads_names_both_forms():
    """A number from one, or all of them."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1, got '0'; or all"):
        bench.threads("0")


def test_a_sweep_can_be_had_at_any_precision():
    """It is part of the question that each size is asked."""
    asked = question_of(parsed(["bench", "--sweep", "s.json", "--precision", "tf32"]))
    assert (asked.precision, asked.tf32) == ("float32", True)
    assert question_of(parsed(["bench", "--sweep", "s.json", "--dtype", "bfloat16"])).precision == "bfloat16"
