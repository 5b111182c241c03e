"""Which pair files a change is about: those that changed, and those that import a file of the repository that did."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NO_COMMIT = "0" * 40  # what a push that makes a branch says was there before


class CannotTellError(Exception):
    """What changed cannot be found out; the message says why, in one line."""


def git(*arguments: str) -> str:
    """What git prints; the working folder is the repository's.

    Raises:
        CannotTellError: git says no.
    """
    ran = subprocess.run(
        ["git", *arguments], capture_output=True, encoding="utf-8", errors="surrogateescape", check=False
    )  # a file's name is any bytes, which Python's own functions take in this form
    if ran.returncode:
        raise CannotTellError(f"git {arguments[0]}: {(ran.stderr.strip() or 'failed').splitlines()[-1]}")
    return ran.stdout


def pair_files(patterns: list[str]) -> list[str]:
    """The repository's files that match one of the patterns, as git's ``:(glob)`` understands them: ``**`` is any
    number of folders."""
    if not patterns:
        return []
    return sorted(_names(git("ls-files", "-z", "--", *(f":(glob){pattern}" for pattern in patterns))))


def changed_files(base: str) -> set[str]:
    """Files that differ from ``base``, deleted ones too: since the commit that both have in common, where the history
    reaches that far back.

    Raises:
        CannotTellError: the repository has no such commit, and none can be fetched.
    """
    if not base or set(base) == set(NO_COMMIT[0]):
        raise CannotTellError("no base to compare with")
    try:
        git("cat-file", "-e", f"{base}^{{commit}}")
    except CannotTellError:
        if git("rev-parse", "--is-shallow-repository").strip() != "true":
            raise CannotTellError(f"the repository has no commit {base}") from None
        git("fetch", "--no-tags", "--depth=1", "origin", base)  # a shallow clone has the newest commit alone
    names = ("diff", "--name-only", "--no-renames", "-z")
    try:
        return set(_names(git(*names, f"{base}...HEAD")))
    except CannotTellError:
        return set(_names(git(*names, base, "HEAD")))


def concerned(files: list[str], changed: set[str]) -> list[str]:
    """Those of ``files`` that changed, or that import a changed file, directly or through others."""
    tracked = set(_names(git("ls-files", "-z", "--", ":(glob)**/*.py"))) | {
        name for name in changed if name.endswith(".py")
    }
    by_stem: dict[str, list[str]] = {}
    for name in tracked:
        path = PurePosixPath(name)
        by_stem.setdefault(path.parent.name if path.stem == "__init__" else path.stem, []).append(name)
    return [file for file in files if changed & _reached(file, by_stem)]


def _reached(file: str, by_stem: dict[str, list[str]]) -> set[str]:
    reached, waiting = {file}, [file]
    while waiting:
        for module in _imported(waiting.pop()):
            new = set(_candidates(module, by_stem)) - reached
            reached |= new
            waiting += sorted(new)
    return reached


def _candidates(module: str, by_stem: dict[str, list[str]]) -> Iterator[str]:
    """The files that the name may mean, wherever the folder lies that is on Python's path: rather one too many."""
    tail = module.replace(".", "/")
    for name in by_stem.get(module.rpartition(".")[2], ()):
        if f"/{name}".endswith((f"/{tail}.py", f"/{tail}/__init__.py")):
            yield name


def _imported(file: str) -> Iterator[str]:
    """The dotted names that a file imports, each with the packages around it; from where it stands, if relative."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return  # deleted, or no Python: what it imports is nobody's business until it runs
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = PurePosixPath(file).parts[: -node.level] if node.level else ()
            stem = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names] if stem else [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _names(text: str) -> list[str]:
    return [name for name in text.split("\0") if name]
