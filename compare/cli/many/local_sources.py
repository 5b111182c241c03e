"""The sources that a file is made of: its own, and those of the modules beside it or on Python's path that it imports,
directly or through others. Nothing is run: they are read.

Modules of Python and of installed packages are no part of it, whose versions say what they are. What is imported by
name at run time (``importlib.import_module``), or from a folder that a file puts on Python's path, is known once it has
run (``compare.cli.many.ran``).
"""

import ast
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import compare
from compare.errors import swallowed

OWN = ("compare", "torchref", "jaxport")  # the packages of this project, which have a digest of their own


@dataclass(frozen=True)
class Module:
    """A file with the dotted name that it is imported by; the file that is run has none."""

    path: Path
    name: str = ""

    @property
    def package(self) -> list[str]:
        """From which its relative imports go."""
        parts = self.name.split(".")
        return parts if self.path.name == "__init__.py" else parts[:-1]


@dataclass(frozen=True)
class Place:
    """Where a module lies: its file, if it has one, and the folders in which those below it are looked for."""

    file: Path | None
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Read:
    """What a file says of itself: the names that it imports, with the levels of relative ones, whether it names a
    pair, and whether it has Python's own path in it."""

    imports: tuple[tuple[int, str, tuple[str, ...]], ...] = ()
    names_pair: bool = False
    sets_path: bool = False


def sources(file: Path) -> list[Path]:
    """``file``, and every local file that it imports, in the order in which they are met."""
    first = Module(file.resolve())
    met, waiting = {first.path: None}, [first]
    while waiting:
        for found in _imported(waiting.pop(), str(first.path.parent)):
            if found.path not in met:
                met[found.path] = None
                waiting.append(found)
    return list(met)


def digest(files: Sequence[Path], folder: Path) -> str:
    """Of the files' bytes, and of where they lie from ``folder``: all of them moved elsewhere have the same."""
    whole = hashlib.sha256()
    for name, text in sorted((os.path.relpath(path, folder), _bytes(path)) for path in files):
        whole.update(f"{name}\0{len(text)}\0".encode("utf-8", "surrogateescape") + text)
    return whole.hexdigest()


def digest_now(files: Sequence[Path]) -> str:
    """Of the files' bytes as they are at this moment, and of their places: what was read before is read again."""
    read_again()
    return digest(files, Path(os.sep))


def read_again() -> None:
    """Forget what was read: a task takes its time, and somebody may write a file meanwhile."""
    _bytes.cache_clear()
    _read.cache_clear()


@cache
def own_digest() -> str:
    """Of this project's own packages: a verdict depends on who gives it."""
    around = Path(compare.__file__).resolve().parents[1]
    return digest([path for name in OWN for path in (around / name).rglob("*.py")], around)


def names_pair(files: Sequence[Path]) -> bool:
    """Whether one of the files has the word ``Pair`` in its code, without which none of them makes one; or imports from
    a folder that it puts on Python's path itself, where nobody can look before it runs."""
    return any(_read(path).names_pair for path in files) or (
        any(_read(path).sets_path for path in files) and any(_is_nowhere(path, files[0].parent) for path in files)
    )


def _is_nowhere(path: Path, folder: Path) -> bool:
    """Whether a file imports something that is not to be found from ``folder`` on: not Python's, nor installed."""
    tops = {base.split(".")[0] for level, base, _ in _read(path).imports if base and not level}
    return any(
        name not in OWN and name not in sys.stdlib_module_names and _top(name, str(folder)) is None and not _found(name)
        for name in tops
    )


@cache
def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except Exception as error:  # a finder of somebody else's, or a module without a spec
        swallowed(error)
        return True


def _imported(module: Module, folder: str) -> Iterator[Module]:
    """The local modules that a module imports, where ``folder`` is the first on Python's path."""
    for level, base, names in _read(module.path).imports:
        above = module.package[: len(module.package) - level + 1] if level else []
        if level and not above:
            continue  # of a file that is run: Python refuses it
        stem = ".".join([*above, *([base] if base else [])])
        for dotted in (stem, *(f"{stem}.{name}" for name in names)):
            yield from _modules(dotted, folder)


@cache
def _modules(dotted: str, folder: str) -> tuple[Module, ...]:
    """The files of a dotted name and of the packages around it, as far as they are there."""
    top, *below = dotted.split(".")
    place, found, name = _top(top, folder), list[Module](), top
    for part in (*below, ""):
        if place is None:
            break
        if place.file is not None:
            found.append(Module(place.file.resolve(), name))
        name = f"{name}.{part}"
        place = _inside(part, place.folders) if part else None
    return tuple(found)


@cache
def _top(name: str, folder: str) -> Place | None:
    """Where a local module or package lies; None where it is no such."""
    if not name or name in OWN or name in sys.stdlib_module_names:
        return None
    beside = _inside(name, (Path(folder),))
    return beside if beside and beside.file else _on_path(name) or beside


def _inside(name: str, folders: Sequence[Path]) -> Place | None:
    """Where a module or package lies in one of the folders: as Python looks, a folder without ``__init__`` last."""
    for folder in folders:
        if (package := folder / name / "__init__.py").is_file():
            return Place(package, (folder / name,))
        if (module := folder / f"{name}.py").is_file():
            return Place(module)
    bare = tuple(folder / name for folder in folders if (folder / name).is_dir())
    return Place(None, bare) if bare else None


@cache
def _on_path(name: str) -> Place | None:
    try:
        spec = importlib.util.find_spec(name)
    except Exception as error:  # a finder of somebody else's, or a module without a spec
        swallowed(error)
        return None
    if spec is None:
        return None
    file = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    folders = tuple(Path(one) for one in spec.submodule_search_locations or ())
    around = [path.parent for path in (file.parent if file and folders else file, *folders) if path]
    return Place(file, folders) if around and not any(map(is_installed, around)) else None


@cache
def is_installed(folder: Path) -> bool:
    """Whether packages are installed into a folder: it says so by its name, or has what was installed on record."""
    named = {"site-packages", "dist-packages"} & set(folder.resolve().parts)
    return bool(named) or any(folder.glob("*.dist-info"))


@cache
def _read(path: Path) -> Read:
    try:
        tree = ast.parse(_bytes(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Read(names_pair=True)  # no Python: whoever runs it will say so
    imports = list[tuple[int, str, tuple[str, ...]]]()
    words = set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imports += [(0, alias.name, ()) for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                imports.append((level, module or "", tuple(alias.name for alias in names)))
                words |= {alias.name for alias in names}
            case ast.Name(id=word) | ast.Attribute(attr=word):
                words.add(word)
    return Read(tuple(imports), "Pair" in words, {"sys", "path"} <= words or "site" in words)


@cache
def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # whoever runs it will say so
