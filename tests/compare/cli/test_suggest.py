"""What was probably meant."""

from pathlib import Path

import pytest

from compare.cli.suggest import instead_of_command, instead_of_file, instead_of_options, instead_of_pair
from tests.compare.command_line import jaxport, refused


@pytest.fixture
def folder(elsewhere):
    """Two files of a user's."""
    Path("ports").mkdir()
    for name in ("my_pair.py", "ports/resnet.py"):
        Path(name).touch()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("my_pair", "my_pair.py"),
        ("mpl", "mlp"),
        ("lose", "loose"),
        ("tape", "jaxport read tape"),
        ("my_piar", "my_pair.py"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_instead_of_a_pair(name, meant):
    """The file without its suffix before all that is only alike."""
    assert instead_of_pair(name) == meant


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "meant"),
    [("ports/resnet", "ports/resnet.py"), ("ports/restnet.py", "ports/resnet.py"), ("nowhere/a.py", ""), ("q.py", "")],
)
def test_instead_of_a_file(name, meant):
    """Beside where it was looked for."""
    assert instead_of_file(name) == meant


def test_instead_of_a_command_or_an_option(folder):
    """A pair or a file alone is one to verify."""
    assert instead_of_command("verfy", ["verify", "read"]) == "verify"
    assert instead_of_command("mlp", ["verify"]) == "jaxport verify mlp"
    assert instead_of_command("my_pair.py", ["verify"]) == "jaxport verify my_pair.py"
    assert instead_of_options(["x", "--quik=1"], ["--quick", "-h", "--seed"]) == "--quick"
    assert instead_of_options(["stray"], ["--quick"]) == ""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("verfy", "did you mean verify?"),
        ("mlp", "did you mean jaxport verify mlp?"),
        ("verify mpl", "did you mean mlp?"),
        ("contrast my_pair", "did you mean my_pair.py?"),
        ("bench ports/resnet", "did you mean ports/resnet.py?"),
        ("verify loose --quik", "did you mean --quick?"),
        ("verify --dtype float23", "did you mean float32?"),
        ("read tpe", "did you mean tape?"),
        ("new --lesson by_hnad", "did you mean by_hand?"),
        ("convert a.pt b.npz --pair my_piar.py", "did you mean my_pair.py?"),
    ],
)
def test_each_command_asks(command, meant):
    """One line, before anything slow."""
    Path("a.pt").touch()
    assert meant in refused(jaxport(*command.split()))
