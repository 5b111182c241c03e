"""What was typed and means nothing is refused; and what no check refuses is told once the command has run."""

import pytest

from compare.cli.cli import main, parsed
from compare.cli.commands import env
from compare.cli.meant import check_meant, passed_over
from compare.errors import UsageError
from tests.compare.command_line import jaxport, refused

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_an_option_is_named_at_its_default_too_and_in_every_spelling():
    """By what was typed: a value that is the default's is no silence."""
    for typed in (["--epochs", "15"], ["--epochs=15"]):
        with pytest.raises(UsageError, match=r"^--epochs means nothing here: leave it out$"):
            check_meant(parsed(["train", "x.py", *typed]), ("of",), "here")
    with pytest.raises(UsageError, match=r"^-j means nothing here"):
        check_meant(parsed(["verify", "-j4"]), (), "here")
    with pytest.raises(UsageError, match=r"^a\.py b\.py means nothing here"):
        check_meant(parsed(["verify", "a.py", "b.py"]), (), "here")
    check_meant(parsed(["train", "x.py"]), ("of",), "here")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("verify", "loose", "--data", "x.npz"), "--data: holds images, and loose draws its own batches"),
        (("train", "loose", "--data", "x.npz"), "--data: holds images, and loose draws its own batches"),
        (("contrast", "loose", "--data", "x.npz"), "--data: "),
        (("verify", "loose", "--record", "r.npz", "--json", "r.json"), "--json means nothing beside --record"),
        (("verify", "loose", "--against", "r.npz", "--dtype", "float32"), "--dtype means nothing beside --against"),
        (("convert", "a.npz", "b.npz", "--map", "m.json", "--seed", "0"), "--seed means nothing beside --map"),
        (("weights", "a.npz", "b.npz", "--map", "m.json", "--batch", "3"), "--batch means nothing beside --map"),
    ],
)
def test_what_is_not_looked_at_is_refused(told, why, tmp_path, monkeypatch):
    """One line, before anything runs."""
    monkeypatch.setattr("compare.cli.chosen_device.load_images", lambda path: None)
    assert why in refused(jaxport(*told))


def test_what_no_check_refuses_is_told(monkeypatch, capsys):
    """A command that forgot an option of its own; one that looks at it says nothing, and what every command takes is
    no news."""
    monkeypatch.setattr(env, "run", lambda options: 0)
    assert main(["env", "--json", "-", "--device", "cpu"]) == 0
    assert capsys.readouterr().err == "jaxport: --json: nothing here looked at it\n"
    monkeypatch.setattr(env, "run", lambda options: int(options.json is None))
    assert main(["env", "--json", "-", "--seed", "0"]) == 0
    assert capsys.readouterr().err == ""
    assert passed_over(parsed(["read", "--no-run"])) == ["--no-run"]
