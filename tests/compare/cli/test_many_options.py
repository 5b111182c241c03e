"""What asks for many files, what means nothing beside them, and what goes to each file's process."""

import pytest

from compare.cli.cli import parsed
from compare.cli.many_options import ALONE, asks_for_many, check_many, passed_on
from compare.errors import UsageError

GIVEN = {
    "against": "record.npz", "record": "record.npz", "port_weights": "a.npz", "reference_weights": "a.pt",
    "original": "port", "explain": None, "every": None,
}  # fmt: skip


def options(*words: str):
    return parsed(["verify", *words])


@pytest.mark.parametrize(
    "words", [("-j", "2"), ("--timeout", "5"), ("--store", "s"), ("--html", "h"), ("--again",), ("--engine", "ray")]
)
def test_what_asks_for_many(words):
    """Any of them; several files alone do not, which stay one report."""
    assert asks_for_many(options("a.py", *words))
    assert not asks_for_many(options("a.py", "b.py", "--quick"))


def test_each_process_is_asked_what_the_whole_command_is_asked():
    """But for what is the whole command's, and for what is so anyway."""
    words = ["a.py", "-j", "2", "--quick", "--json", "x.json", "--accept", "k.*", "--accept", "b", "--seed", "3"]
    given = options(*words, "--device", "cpu", "--probes", "default", "--timeout", "9", "--store", "s")
    passed = passed_on(given, given.parser)
    assert passed == ["--device", "cpu", "--seed", "3", "--accept", "k.*", "--accept", "b", "--quick"]
    again = options("a.py", *passed)
    assert (again.device, again.seed, again.accept, again.quick, again.jobs) == ("cpu", 3, ["k.*", "b"], True, None)


@pytest.mark.parametrize("name", ALONE)
def test_what_takes_one_file(name):
    """Is refused, not passed over."""
    option = f"--{name.replace('_', '-')}"
    given = options("a.py", "-j", "2", option, *filter(None, [GIVEN[name]]))
    with pytest.raises(UsageError, match=f"^verify: {option} takes one file"):
        check_many(given, given.parser)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--address", "auto"), "expected --engine ray"),
        (("--address", "auto", "--engine", "processes"), "expected --engine ray"),
        (("--address", "auto", "--engine", "ray", "-j", "2"), "the cluster's to say"),
    ],
)
def test_what_means_nothing_beside_each_other(words, said):
    """In one line."""
    given = options("a.py", *words)
    with pytest.raises(UsageError, match=said):
        check_many(given, given.parser)
