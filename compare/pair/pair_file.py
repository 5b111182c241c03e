"""A user's own pair: a Python file that defines it, and a starting file that runs as it is."""

import importlib.util
import shlex
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from compare.errors import UsageError, swallowed
from compare.pair.pair import Pair

NO_PAIR = "defines no Pair"  # how a file is refused that defines none: others look for the words
TEMPLATE = '''"""Is the port the same function? Run it with: jaxport verify {name}

Put your two models in the place of these, or import them from your own packages.
"""

import numpy as np
import torch
from flax import linen as nn

from compare import Batch, Optimizers, Pair


class Reference(torch.nn.Module):
    """What is ported: images come channels first."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, kernel_size=3, padding=1)
        self.norm = torch.nn.GroupNorm(4, 8)
        self.head = torch.nn.Linear(8 * 6 * 6, 10)

    def forward(self, images):
        x = torch.relu(self.norm(self.conv(images)))
        return self.head(x.flatten(1))


class Port(nn.Module):
    """The port, as one writes it in Flax: images come channels last. The weight map sees that by itself."""

    @nn.compact
    def __call__(self, images):
        x = nn.Conv(8, kernel_size=(3, 3), padding=1)(images)
        x = nn.relu(nn.GroupNorm(num_groups=4, epsilon=1e-5)(x))  # torch's epsilon, not Flax's 1e-6
        return nn.Dense(10)(x.reshape(len(x), -1))


def batch(rng):
    """Identical NumPy arrays for both sides, drawn from one generator; integers with their bounds can be redrawn."""
    images = rng.standard_normal((5, 3, 6, 6), dtype=np.float32)
    labels = rng.integers(0, 10, 5)
    return Batch.of((images,), (labels,), names=("images",), bounds={{"targets": (0, 10)}})


def torch_loss(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels)


def jax_loss(logits, labels):
    import optax

    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def torch_optimizer(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)


def jax_optimizer():
    import optax

    return optax.adamw(1e-3, weight_decay=0.01)  # torch's weight decay, not optax's 1e-4


# Only the first three are needed. Further fields: rules (for the weight map, where names and structure do not decide),
# accept, batch_axes, adapters for inputs and outputs; help(Pair) lists them.
pair = Pair(
    reference=Reference(),
    port=Port(),
    batch=batch,
    loss=(torch_loss, jax_loss),
    optimizers=Optimizers(torch_optimizer, jax_optimizer),
)
'''


def starting_text(path: Path) -> str:
    """The commented starting file, for ``path``."""
    return TEMPLATE.format(name=in_docstring(path))


def in_docstring(path: Path) -> str:
    """``path`` as a command inside a docstring names it: whatever it is called, the shell takes it for one word, and
    the file is Python."""
    name = shlex.quote(str(path).encode(errors="replace").decode())
    return name.replace("\\", "\\\\").replace('"', '\\"')


def check_syntax(path: Path) -> None:
    """Compile the file and run nothing of it: neither framework is loaded for a file that is no Python.

    Raises:
        UsageError: it cannot be read, or is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever runs it will hear them
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise UsageError(f"{path}{f':{line}' if line else ''}: {_words(error, path)}") from error


def load(path: Path) -> list[Pair]:
    """Every ``Pair`` that the file defines at its top level, by the order of its names; the file's name names it.

    Raises:
        UsageError: there is no such file, it raises, or it defines no pair.
    """
    if not path.is_file():
        raise UsageError(
            f"{path}: expected a Python file that defines a Pair, found {'a folder' if path.is_dir() else 'nothing'}"
        )
    pairs = {name: value for name, value in vars(module_of(path)).items() if isinstance(value, Pair)}
    if not pairs:
        raise UsageError(f"{path}: {NO_PAIR}: expected a line like pair = Pair(reference, port, batch)")
    first_names = {id(pair): name for name, pair in reversed(pairs.items())}  # one pair may have two names
    named = {name: pair for name, pair in pairs.items() if first_names[id(pair)] == name}
    stem = path.stem if path.stem.isprintable() else ascii(path.stem)[1:-1]  # of an undecodable name, what can be shown
    renamed = [
        replace(pair, name=pair.name if pair.name != "pair" else stem if len(named) == 1 else name)
        for name, pair in named.items()
    ]
    check_names([(str(path), pair.name) for pair in renamed])
    return renamed


def told_apart(entered: Sequence[tuple[str, Pair]]) -> list[Pair]:
    """The pairs of several files for one report; those of one name get their file's folder in front, ``a/pair``.

    Args:
        entered: each with where it is from: a file, or a name in the registry.

    Raises:
        UsageError: two of them have one name all the same.
    """
    taken = Counter(pair.name for _, pair in entered)
    pairs = [
        replace(pair, name=f"{Path(source).resolve().parent.name}/{pair.name}")
        if taken[pair.name] > 1 and source.endswith(".py")
        else pair
        for source, pair in entered
    ]
    check_names([(source, pair.name) for (source, _), pair in zip(entered, pairs, strict=True)])
    return pairs


def check_names(named: Sequence[tuple[str, str]]) -> None:
    """Refuse two pairs of one name, which a report could not tell apart.

    Args:
        named: of each pair where it is from, and its name.

    Raises:
        UsageError: two of them have one name.
    """
    seen: dict[str, str] = {}
    for source, name in named:
        if name in seen:
            where = f"both in {source}" if source == seen[name] else f"in {seen[name]} and in {source}"
            raise UsageError(f"two pairs are called {name!r}, {where}: give one another name, Pair(..., name=...)")
        seen[name] = source


def module_of(path: Path) -> ModuleType:
    """The file as a module. Beside it may lie what it imports.

    Raises:
        UsageError: it is no Python file, or raises.
    """
    shown, path = path, path.resolve()
    spec = importlib.util.spec_from_file_location(f"_pair_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(
            f"{shown}: expected a Python file (.py) that defines a Pair, or the name of one of the project's pairs"
        )
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    _forget_namesakes(path.parent)
    if folder in sys.path:
        sys.path.remove(folder)  # it comes to the front, and stands there once
    sys.path.insert(0, folder)  # for good, as python itself does: a function of the file may import later
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # a file that ends the program has defined no pair
        swallowed(error)  # what a test runner stops a test by passes: importorskip in a pair's file skips the test
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = lines[-1] if lines else getattr(error, "lineno", None)
        raise UsageError(f"{shown}{f':{line}' if line else ''}: {_words(error, path)}") from error
    return module


_folders: set[Path] = set()  # of the files so far


def _forget_namesakes(folder: Path) -> None:
    """What an earlier file imported from its own folder, and this folder has under the same name, is imported anew: the
    models beside one file are not those beside another."""
    here = {file.stem for file in folder.glob("*.py")} | {file.parent.name for file in folder.glob("*/__init__.py")}
    namesakes = set()
    for name in here & set(sys.modules):
        file = Path(getattr(sys.modules[name], "__file__", None) or "")
        theirs = file.parent.parent if file.name == "__init__.py" else file.parent
        if theirs != folder and theirs in _folders:
            namesakes.add(name)
    for name in [module for module in sys.modules if module.partition(".")[0] in namesakes]:
        del sys.modules[name]
    _folders.add(folder)


def _words(error: BaseException, path: Path) -> str:
    """An exception in one line; of a syntax error in ``path`` without the place, which stands before it already."""
    text = error.msg if isinstance(error, SyntaxError) and error.filename == str(path) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}".removesuffix(": ")
