"""The word, the exit code and the sentence for each way in which a process may end."""

import pytest

from compare.cli.many.task import Ended
from compare.cli.many.task_outcome import STAYS, outcome, pairs_in

MATCH = {"pair": "a", "verdict": "match", "quantities": [1, 2], "coverage": {"probes": [1]}, "explanation": None}
WRONG = MATCH | {"pair": "b", "verdict": "mismatch", "explanation": {"sentence": "epsilon is 1e-6"}}
ONE = {"verdict": "match", "pairs": [MATCH]}
TWO = {"verdict": "mismatch", "pairs": [MATCH, WRONG]}
MARK = {"verdict": "mismatch", "lesson": "tape", "marked": "port"}
NO_PAIR = "device: cpu\njaxport: a.py: defines no Pair: expected a line like pair = Pair(reference, port, batch)\n"


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Ended(0, 1, ONE, ""), ("match", 0, "the port is the same function: 2 quantities on 1 probe match")),
        (Ended(1, 1, TWO, ""), ("mismatch", 1, "2 pairs, b: epsilon is 1e-6")),
        (Ended(1, 1, ONE | {"verdict": "float32_only", "pairs": []}, ""), ("float32_only", 1, "")),
        (Ended(1, 1, MARK, ""), ("mismatch", 1, "")),
        (Ended(None, 9, None, "x\n"), ("timed out", 2, "had not ended after 9 s: --timeout gives it more")),
        (
            Ended(2, 1, None, "device: cpu\njaxport: a.py:3: ValueError: no\n"),
            ("cannot start", 2, "a.py:3: ValueError: no"),
        ),
        (Ended(2, 1, None, NO_PAIR), ("no pair", 2, NO_PAIR.split("jaxport: ")[1].strip())),
        (Ended(-9, 1, None, ""), ("crashed", 2, "ended by SIGKILL (is there enough memory?)")),
        (Ended(-11, 1, ONE, "a\nFatal\n\n"), ("crashed", 2, "ended by SIGSEGV: Fatal")),
        (Ended(0, 1, None, ""), ("crashed", 2, "ended with exit code 0 and no result")),
        (Ended(1, 1, {"verdict": "fine"}, ""), ("crashed", 2, "ended with exit code 1 and no result")),
        (Ended(3, 1, ONE, "bye"), ("crashed", 2, "ended with exit code 3 and no result: bye")),
        (Ended(2, 1, None, "seg\x1b[31m\n"), ("crashed", 2, "ended with exit code 2 and no result: seg?[31m")),
        (Ended(None, 0, None, "", "Ray: a worker died"), ("crashed", 2, "Ray: a worker died")),
        (Ended(-99, 1, None, ""), ("crashed", 2, "ended by signal 99")),
    ],
)  # fmt: skip
def test_what_became_of_it(ended, said):
    """The judge's word alone is a verdict: what ends otherwise is none, whatever it wrote."""
    assert outcome(ended, 9) == said


def test_a_file_that_a_folder_brought_need_not_define_a_pair():
    """One that was named must."""
    assert [outcome(Ended(2, 1, None, NO_PAIR), 9, named)[1] for named in (True, False)] == [2, 0]


def test_what_is_run_again():
    """A verdict stands, and that there is no pair; whatever else became of it may not become of it again."""
    assert set(STAYS) == {"match", "float32_only", "incomplete", "mismatch", "invalid", "no pair"}


def test_the_pairs_of_a_result():
    """Each with its answer; a lesson is one; of nothing none."""
    assert [(one["pair"], one["verdict"], one["answer"]) for one in pairs_in(TWO)] == [
        ("a", "match", "the port is the same function: 2 quantities on 1 probe match"),
        ("b", "mismatch", "epsilon is 1e-6"),
    ]
    assert pairs_in(MARK) == [{"pair": "tape", "verdict": "mismatch", "answer": ""}]
    assert pairs_in(None) == []
