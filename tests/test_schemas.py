"""The JSON contract: the committed schemas are the types', hold for what is committed, and refuse what breaks them.

What each command really writes is held against them wherever a test runs one (``tests/compare/command_line.py``).
"""

import copy
import json
import runpy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from compare.cli.cli import command_line
from tests.compare.schemas import FOLDER, command_of, faults

ROOT = Path(__file__).parents[1]
MADE = runpy.run_path(str(ROOT / "scripts" / "make_schemas.py"))
BESIDE = {
    "main-job",
    "mark",
    "verify-many",
    "bench-sweep",
    "bench-two-runs",
}  # jaxport alone, and what an option makes of a command
COMMITTED = [
    (command, path)
    for machine in ("cpu", "h200")
    for command in ("verify", "train", "contrast", "bench")
    if (path := ROOT / "results" / machine / f"{command}.json").exists()
] + [("bench-sweep", ROOT / "results" / "cpu" / "sweep.json")]


@pytest.mark.parametrize("command", sorted(MADE["CONTRACTS"]))
def test_a_schema_is_what_the_types_say(command):
    """Written by ``scripts/make_schemas.py``, and a sound schema itself."""
    committed = (FOLDER / f"{command}.schema.json").read_text()
    assert committed == MADE["text_of"](command)
    Draft202012Validator.check_schema(json.loads(committed))


def test_every_command_with_json_has_one():
    """And there is none beside."""
    actions = next(action for action in command_line()._actions if action.dest == "==SUPPRESS==")
    writing = {name for name, parser in actions.choices.items() if "--json" in parser._option_string_actions}
    assert set(MADE["CONTRACTS"]) == writing | BESIDE
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.schema.json" for name in MADE["CONTRACTS"]}


@pytest.mark.parametrize(("command", "path"), COMMITTED, ids=lambda given: getattr(given, "stem", given))
def test_the_committed_results_hold_to_it(command, path):
    """They were written by the commands, on other machines too."""
    assert faults(command, json.loads(path.read_text())) == []


PLANTED = {
    "a key of the whole that goes": (("verdict",), None),
    "another version": (("schema",), 2),
    "a verdict of no kind": (("pairs", 0, "verdict"), "fine"),
    "a quantity without its gap": (("pairs", 0, "quantities", 0, "gap"), None),
    "a number as a word": (("pairs", 0, "quantities", 0, "allowed"), "1e-13"),
    "a position that is no number": (("pairs", 0, "quantities", 0, "worst", "index"), ["3"]),
    "an environment without versions": (("environment", "versions"), None),
    "a flag as a number": (("pairs", 0, "quantities", 0, "kink"), 0),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_what_breaks_the_contract_is_refused(fault):
    """Planted in a committed result, which holds without it; where nothing is put in its place, the key goes."""
    form = json.loads((ROOT / "results" / "cpu" / "verify.json").read_text())
    *path, last = PLANTED[fault][0]
    broken = copy.deepcopy(form)
    inner = broken
    for step in path:
        inner = inner[step]
    if PLANTED[fault][1] is None:
        del inner[last]
    else:
        inner[last] = PLANTED[fault][1]
    assert len(faults("verify", broken)) == 1


def test_further_keys_and_words_for_infinity_are_welcome():
    """The contract says what stays, not that nothing comes."""
    form = json.loads((ROOT / "results" / "cpu" / "verify.json").read_text())
    form["pairs"][0]["quantities"][0] |= {"gap": "inf", "new": [1]}
    assert faults("verify", form) == []


@pytest.mark.parametrize(
    ("arguments", "form", "command"),
    [
        (["verify", "x.py"], {"marked": "port"}, "mark"),
        (["verify", "mlp"], {"pairs": []}, "verify"),
        (["--epochs", "1"], {}, "main-job"),
        ([], {}, "main-job"),
        (["env"], {}, "env"),
    ],
)
def test_whose_schema_holds(arguments, form, command):
    """By the command line, and by whether a lesson was marked."""
    assert command_of(arguments, form) == command
