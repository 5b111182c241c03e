"""What became of a task, in a word, an exit code and a sentence: off how its process ended."""

import re
import signal
from collections.abc import Sequence
from typing import cast, get_args

from compare.cli.many.task import Ended
from compare.errors import printable
from compare.pair.pair_file import NO_PAIR
from compare.report.answer import answer
from compare.report.contract import Form, PairForm, VerdictWord
from compare.report.many_contract import OnePairForm, OutcomeWord
from compare.report.pieces import COLOUR
from compare.verdict.counted import counted

DIFFERS, UNUSABLE = 1, 2  # the contract's exit codes
ENDED = re.compile(r"jaxport: (?P<text>.*)")
LONG = 300
STAYS: tuple[OutcomeWord, ...] = (*get_args(VerdictWord), "no pair")  # what running again would say again


def outcome(ended: Ended, limit: float, named: bool = True) -> tuple[OutcomeWord, int, str]:
    """The word, the exit code that it means, and the sentence.

    Args:
        limit: seconds that it had.
        named: whether the file was named by itself; one of many in a folder need not define a pair.
    """
    if ended.lost:
        return "crashed", UNUSABLE, ended.lost
    if ended.code is None:
        return "timed out", UNUSABLE, f"had not ended after {limit:g} s: --timeout gives it more"
    if ended.code in (0, DIFFERS) and (verdict := (ended.result or {}).get("verdict")) in COLOUR:
        assert ended.result is not None
        return cast(OutcomeWord, verdict), ended.code, _answer(ended.result)
    said = last_words(ended.said)
    if ended.code == UNUSABLE and ENDED.match(said):
        reason = said.removeprefix("jaxport: ")
        if NO_PAIR in reason:
            return "no pair", UNUSABLE if named else 0, reason
        return "cannot start", UNUSABLE, reason
    how = signal_in_words(-ended.code) if ended.code < 0 else f"ended with exit code {ended.code} and no result"
    return "crashed", UNUSABLE, ": ".join(filter(None, (how, said)))


def pairs_in(result: Form | None) -> list[OnePairForm]:
    """Of each pair of a result, or of the lesson that it marks, the verdict and the answer."""
    if result is None:
        return []
    if "lesson" in result:
        return [{"pair": result["lesson"], "verdict": str(result["verdict"]), "answer": ""}]
    return [
        {"pair": pair["pair"], "verdict": pair["verdict"], "answer": answer(cast(PairForm, pair))}
        for pair in result.get("pairs", ())
    ]


def _answer(result: Form) -> str:
    """Of the pair that is as bad as the whole; how many there are, where that is more than one."""
    pairs: Sequence[OnePairForm] = pairs_in(result)
    worst = next((pair for pair in pairs if pair["verdict"] == result["verdict"]), None)
    if worst is None:
        return ""
    if len(pairs) == 1:
        return worst["answer"]
    return f"{counted(len(pairs), 'pair')}, {worst['pair']}: {worst['answer']}"


def last_words(said: str) -> str:
    """The last line that is not empty; of what jaxport itself said, that."""
    lines = [printable(" ".join(line.split()))[:LONG] for line in said.splitlines() if line.strip()]
    own = [line for line in lines if ENDED.match(line)]
    return (own or lines or [""])[-1]


def signal_in_words(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"ended by {name}{' (is there enough memory?)' if name == 'SIGKILL' else ''}"
