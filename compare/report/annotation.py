"""What a continuous integration shows beside a line of source: workflow commands of GitHub Actions.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from pathlib import Path

from compare.report.answer import answer
from compare.report.contract import PairForm
from compare.report.failure import cause_lines, failed, place_to_mend, wrong_weights

ERROR, WARNING = "error", "warning"


def annotations(pair: PairForm, file: str, strict: bool = False) -> list[str]:
    """The commands for one pair of ``file``: none for a match, an error where it fails, else a warning.

    The line is the one of the user's source that differs. Where that is not known, or lies outside the working folder
    (a library's, or another checkout's), it is the first line of ``file``.
    """
    wrong = failed(pair, strict)
    if not wrong and pair["verdict"] == "match":
        return []
    title = f"{pair['pair']}: {pair['verdict']}"
    weights = [f"weights: {own}"] if (own := wrong_weights(pair)) else []
    if wrong and pair["verdict"] == "match":  # a notice that counts
        text = "\n".join(
            [*weights, *pair["notices"], *(f"no mutant was caught by: {name}" for name in pair["teeth"]["toothless"])]
        )
    else:
        text = "\n".join([answer(pair), *cause_lines(pair)])
    place = place_to_mend(pair)
    at = place if place and not Path(place[0]).is_absolute() else (file, 1)
    return [workflow_command(ERROR if wrong else WARNING, text, file=at[0], line=at[1], title=title)]


def workflow_command(kind: str, text: str, **properties: str | int) -> str:
    """``::kind key=value,...::text`` with both escaped: no text of a user's ends the command or begins another."""
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{kind} {given}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
