"""What a result depends on, each fact by its name: where all are as they were, it need not be found again."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from compare.cli.many.local_sources import digest, digest_now, own_digest
from compare.cli.many.ran import versions_here

LOADED, MEANWHILE, ELSEWHERE = "modules that it loaded", "changed while it ran", "where it ran"
SOURCE, OWN, OPTIONS, OTHERS = "source", "jaxport", "options", "installed packages"
# Variables by which the frameworks are set. Where programs are kept is no part of a verdict.
SETTING = ("JAX_", "XLA_", "TORCH_", "PYTORCH_", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE")
KEEPING = ("CACHE", "PREALLOCATE")
CARDS = Path("/proc/driver/nvidia/gpus")  # where the driver says which cards there are, without loading anything


def depends(files: Sequence[Path], options: str, given: Sequence[Path] = ()) -> dict[str, str]:
    """The facts.

    Args:
        files: the sources, of which the first is the task's own; without any the task is of this project's own code.
        options: of the command, in one line.
        given: further files or folders that the options name: their sizes and times are looked at.
    """
    facts = versions_here() | {OTHERS: _other_packages()}
    facts |= {SOURCE: digest(files, files[0].parent) if files else "", OWN: own_digest(), OPTIONS: options}
    facts |= {
        name: value
        for name, value in os.environ.items()
        if name.startswith(SETTING) and not any(word in name for word in KEEPING)
    }
    if cards := _cards():
        facts["cards"] = cards
    for path in given:
        facts[str(path)] = _seen(path)
    return dict(sorted(facts.items()))


def as_ran(
    before: Mapping[str, str], now: Mapping[str, str], versions: Mapping[str, str], loaded: Sequence[str]
) -> dict[str, str]:
    """The facts of a result, once it is there: those from before it was begun, and what is known only now.

    Args:
        now: the same facts, looked up again after it: where one has changed meanwhile, nobody knows which was run.
        versions: of what was installed where it ran, which may be another machine.
        loaded: files that it loaded, and of which no digest was among the facts.
    """
    facts = dict(before)
    if meanwhile := changed(before, now):
        facts[MEANWHILE] = ", ".join(meanwhile)
    elsewhere = [f"{name} {one}" for name, one in sorted(versions.items()) if before.get(name, one) != one]
    if elsewhere:
        facts[ELSEWHERE] = ", ".join(elsewhere)
    return dict(sorted((facts | loaded_as(loaded)).items()))


def loaded_as(files: Sequence[str]) -> dict[str, str]:
    """The fact that such files are, if there are any."""
    return {LOADED: digest_now([Path(file) for file in files])} if files else {}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs, in words: digests by what they are of, everything else from what to what."""
    found = []
    for name in sorted({*before, *now}):
        old, new = before.get(name, ""), now.get(name, "")
        if old != new:
            told = name not in (SOURCE, OWN, OTHERS, LOADED)
            found.append(
                f"{name} {old or 'none'} → {new or 'none'}" if told else f"{name}'s code" * (name == OWN) or name
            )
    return found


@cache
def _other_packages() -> str:
    """A digest of every installed package's version: whichever of them a pair imports, an upgrade is seen.

    Of a package that is found twice on Python's path, the first is the one that is imported.
    """
    every = dict[str, str]()
    for one in distributions():
        if one.name:
            every.setdefault(one.name, one.version)
    return hashlib.sha256(repr(sorted(every.items())).encode()).hexdigest()[:12]


def _cards() -> str:
    """The cards by their names; empty where there is none."""
    try:
        told = [(card / "information").read_text() for card in sorted(CARDS.iterdir())]
    except OSError:
        return ""
    names = [line.partition(":")[2].strip() for text in told for line in text.splitlines() if line.startswith("Model")]
    return ", ".join(names)


def _seen(path: Path) -> str:
    """Sizes and times of a file, or of those in a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return " ".join(f"{file.stat().st_size}@{file.stat().st_mtime_ns}" for file in files if file.is_file())
