"""Every command that the README and docs/ show is run, or says in one table why something smaller is, and where."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compare.pair.pair_file import TEMPLATE
from tests.compare.command_line import CPU, jaxport
from tests.documents.shown import ROOT, commands, every_command
from tests.documents.table import ROWS, Row

USERS_MODELS = True

RUN = {row.instead or row.command: row for row in reversed(ROWS) if not row.by}
SHOWS = {  # what a page shows of a command's output: the committed result, and where the part ends that is shown
    "jaxport verify examples/differs/encoder.py --quick": ("differs-encoder", "quantity  "),
    "jaxport verify examples/differs/quantizer.py --quick": ("differs-quantizer", "quantity  "),
}
NO_DEVICE = ("new", "convert", "differences", "--version")


def test_each_command_has_its_row():
    """None that no row runs, no row that no page shows."""
    shown, rows = every_command(), [row.command for row in ROWS]
    assert {command: pages for command, pages in shown.items() if command not in rows} == {}
    assert [command for command in rows if command not in shown] == []
    assert len(rows) == len(set(rows))


def test_what_is_not_run_as_it_stands_says_why():
    """A smaller command and a test elsewhere have a reason; the test is there."""
    for row in ROWS:
        assert not (row.instead and row.by), row.command
        assert row.why or not row.instead, row.command
        file, _, name = row.by.partition("::")
        assert not row.by or f"def {name}" in (ROOT / file).read_text(), row.by


def test_what_a_page_holds_is_found():
    """Blocks, fences, sentences; comments left out, programs' names and trees of folders passed over."""
    text = """
    jaxport read   # what there is
    jaxport/      the port
Say `make test`, `make`, `jaxport verify [PAIR ...]` or `jaxport`.
```bash
$ pip install .
```
```python
jaxport = 1
```
"""
    assert commands(text) == ["pip install .", "jaxport read", "make test", "jaxport verify [PAIR ...]", "jaxport"]


def _pair_file(reference: bool, port: bool) -> str:
    """The starting file, as it is or with one side alone."""
    text = TEMPLATE.format(name="my_pair.py")
    if not port:
        text = text.replace("port=Port()", "port=None").replace("jax_loss)", "None)").replace("jax_optimizer)", "None)")
    if not reference:
        text = text.replace("reference=Reference()", "reference=None").replace("batch=batch", "batch=None")
        text = text.replace("(torch_loss,", "(None,").replace("Optimizers(torch_optimizer,", "Optimizers(None,")
    return text


def _model(path: str) -> None:
    """A checkpoint of the starting file's reference."""
    import torch

    names: dict[str, type] = {}
    exec(_pair_file(True, True), names)
    torch.save(names["Reference"]().state_dict(), path)


def _images() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (300, 8, 8), dtype=np.uint8), np.arange(300) % 10
    np.savez("images.npz", x_train=images[:200], y_train=labels[:200], x_test=images[200:], y_test=labels[200:])


def _of(command: str) -> Callable[[], object]:
    """Made by another row."""
    return lambda: run(next(row for row in ROWS if row.command == command))


MAKE: dict[str, Callable[[], object]] = {
    "my_pair.py": lambda: Path("my_pair.py").write_text(_pair_file(True, True)),
    "my_reference.py": lambda: Path("my_reference.py").write_text(_pair_file(True, False)),
    "my_port.py": lambda: Path("my_port.py").write_text(_pair_file(False, True)),
    "model.pt": lambda: _model("model.pt"),
    "other.pt": lambda: _model("other.pt"),
    "images.npz": _images,
    "flax.msgpack": _of("jaxport convert model.pt flax.msgpack --pair my_pair.py"),
    "back.safetensors": _of("jaxport convert flax.msgpack back.safetensors --pair my_pair.py"),
    "map.json": _of("jaxport convert model.pt flax.msgpack --pair my_pair.py --save-map map.json"),
    "reference.npz": _of("jaxport verify my_reference.py --record reference.npz"),
}


def run(row: Row) -> str:
    """Run a row's command once what it needs is there; what it printed."""
    for need in row.needs:
        if not Path(need).exists():
            MAKE[need]()
    program, *words = shlex.split(row.instead or row.command)
    if program == "jaxport":
        ran = jaxport(*words, *(() if words[0] in NO_DEVICE or not _on_a_device(words) else CPU))
        assert ran.code == row.code, ran
        return ran.out
    own = {"python": [sys.executable, *words], "make": ["make", f"PYTHON={sys.executable}", *words]}
    done = subprocess.run(own.get(program, [program, *words]), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == row.code, done.stderr
    return done.stdout


def _on_a_device(words: list[str]) -> bool:
    return words[0] != "read" or len(words) > 1


@pytest.fixture(scope="module", autouse=True)
def workplace(tmp_path_factory):
    """A folder of a reader's, with the examples in it; what one command writes there is there for the others."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("reader")
        shutil.copytree(ROOT / "examples", folder / "examples")
        patch.chdir(folder)
        yield


@pytest.mark.parametrize("command", [command for command in RUN if "--version" not in command])
def test_a_command_runs(command):
    """With the exit code that it has for a reader; where a page shows what it prints, the committed result still says
    the same in everything but its numbers."""
    out = run(RUN[command])
    assert out.strip() or command.startswith("bash -n")
    if command in SHOWS:
        result, end = SHOWS[command]
        committed = (ROOT / "results" / "cpu" / f"{result}.txt").read_text()
        assert words(out.split(end)[0]) == words(committed.split(end)[0])


def words(text: str) -> list[str]:
    """A text without its rules and line ends, and with a mark for each measured number."""
    measured = re.sub(r"(?<![\w.])(\d(\.\d+)?e[+-]\d+|0)(?![\w.])", "N", text)
    return re.sub(r"─+", "", measured).split()


def test_a_version_is_said():
    """By each way to start the program."""
    import compare

    said = {command: run(row) if "python" in command else "" for command, row in RUN.items() if "--version" in command}
    assert said
    assert {text for text in said.values() if text} == {f"jaxport {compare.__version__}\n"}
