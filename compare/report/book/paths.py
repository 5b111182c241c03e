"""Where three kinds of readers begin, and in which order they go on."""

from collections.abc import Iterable
from dataclasses import dataclass

from compare.report.book.page import Page


@dataclass(frozen=True)
class Path:
    """One reader's way through the site: who it is for, what it gives, and the pages by name."""

    reader: str
    gives: str
    names: tuple[str, ...]


PATHS = (
    Path(
        "You know PyTorch",
        "and have JAX code to read, or a model to port.",
        ("step", "tape", "tape-against-function", "object_and_function", "randomness", "in_place", "branches",
         "recompilation", "optimizers", "verify-your-port"),
    ),
    Path(
        "You know JAX",
        "and have PyTorch code to read, or its weights to load.",
        ("step", "tape", "accumulation", "no_grad", "module", "modes", "views", "compile", "when-a-port-differs"),
    ),
    Path(
        "You teach",
        "one framework or both, and want exercises that are marked.",
        ("teaching", "exercises", "by_hand", "shapes", "forgotten_eval", "raw_logits", "model"),
    ),
)  # fmt: skip


def paths(every: Iterable[Page]) -> list[tuple[Path, list[Page]]]:
    """Each path with those of its pages that this site has."""
    known = {page.file.removesuffix(".html"): page for page in every}
    return [(path, [known[name] for name in path.names if name in known]) for path in PATHS]
