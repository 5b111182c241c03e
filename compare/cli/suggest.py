"""What was probably meant by a name that nothing has."""

from collections.abc import Iterable
from pathlib import Path

from compare.errors import nearest

OPTION_ALIKE = 0.75  # options have two letters and more in common, their dashes


def instead_of_pair(name: str) -> str:
    """What to type where ``name`` is no pair: the file of that name, the nearest pair, the lesson; empty where nothing
    is alike."""
    from compare.lessons import LESSONS
    from compare.pair.pairs import REGISTRY

    if name and Path(f"{name}.py").is_file():
        return f"{name}.py"
    if name in LESSONS:
        return f"jaxport read {name}"
    return nearest(name, [*REGISTRY, *_files(Path(name))])


def instead_of_file(name: str) -> str:
    """The file that was probably meant where there is none called ``name``: with the suffix that it lacks, or spelt
    otherwise in the same folder."""
    path = Path(name)
    if path.suffix != ".py" and Path(f"{name}.py").is_file():
        return f"{name}.py"
    near = nearest(path.name, _files(path))
    return str(path.with_name(near)) if near else ""


def instead_of_command(name: str, commands: Iterable[str]) -> str:
    """The command that was probably meant; with ``verify`` before it where ``name`` is a pair or a file already."""
    from compare.pair.pairs import REGISTRY

    if name in REGISTRY or (name.endswith(".py") and Path(name).is_file()):
        return f"jaxport verify {name}"
    return nearest(name, commands)


def instead_of_options(given: Iterable[str], options: Iterable[str]) -> str:
    """The option that was probably meant by the first of ``given`` that is like one."""
    known = [option for option in options if option.startswith("--")]
    found = (nearest(word.split("=")[0], known, OPTION_ALIKE) for word in given if word.startswith("--"))
    return next(filter(None, found), "")


def _files(path: Path) -> list[str]:
    """The Python files beside ``path``."""
    try:
        return sorted(file.name for file in path.parent.glob("*.py"))
    except OSError:
        return []
