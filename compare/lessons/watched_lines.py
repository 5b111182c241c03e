"""A lesson's code while it runs: the arrays that each of its statements makes. Imports neither framework."""

import ast
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from compare.errors import swallowed

DEPTH = 4  # of containers, as deep as an optimizer's state
Leaves = list[np.ndarray]
Back = Callable[[Any], np.ndarray]


class _Enough(Exception):  # noqa: N818  # no error: every statement has been seen
    """Ends a program of which nothing is left to be seen."""


class Watch:
    """Records, for each statement of a file, the arrays that are new after its first run.

    What a statement computes is what it binds, what it returns, and what it changes where it stands:
    ``loss.backward()`` binds nothing, and its arrays are the gradients that it filled.

    Args:
        file: its path; back: an array of the framework's to one of NumPy's.
        names: functions of the file; once all their statements but ``return`` are seen, the program is ended where it
            next calls one.

    Attributes:
        made: by the number of the line on which a statement begins.
    """

    def __init__(self, file: str, back: Back, names: Collection[str] = ()) -> None:
        self.made: dict[int, Leaves] = {}
        self._file, self._back = file, back
        self._seen: set[CodeType] = set()
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        inside = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]  # the outer ones first
        self._starts = {line: one.lineno for one in inside for line in range(one.lineno, (one.end_lineno or 0) + 1)}
        named = [one for node in tree.body if getattr(node, "name", "") in names for one in ast.walk(node)]
        inner = [one for one in named if isinstance(one, ast.stmt) and one not in tree.body]
        self._named = bool(named)
        self._left = {one.lineno for one in inner if not _passes(one)}

    def run(self, program: Callable[[], object]) -> Exception | None:
        """Run ``program`` watched; what it raises ends it, and what was seen until then stays."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            program()
        except _Enough:
            pass
        except Exception as error:
            swallowed(error)
            return error
        finally:
            sys.settrace(before)
        return None

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        """A function begins: its first call is watched."""
        code = frame.f_code
        if code.co_filename != self._file or code.co_name.startswith("<"):
            return None
        if self._named and not self._left:
            raise _Enough  # at a call: raised at a line, it could skip the end of a ``with``
        if code in self._seen:
            return None
        self._seen.add(code)
        line, before = 0, self._state(frame)

        def within(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal line, before
            now = self._starts.get(frame.f_lineno, frame.f_lineno)
            if event == "line" and (now == line or (line in self.made and now in self.made)):
                line = now
                return within  # inside a statement, or inside a loop after its first round
            if event in ("line", "return"):
                after = self._state(frame)
                if line and line not in self.made:
                    self.made[line] = _new(before, after)
                    self._left.discard(line)
                if event == "return" and argument is not None:
                    self.made[now] = self.made.get(now, []) + list(self._leaves(argument))
                line, before = now, after
            return within

        return within

    def _state(self, frame: FrameType) -> dict[str, Leaves]:
        return {name: list(self._leaves(value)) for name, value in frame.f_locals.items()}

    def _leaves(self, value: Any, depth: int = DEPTH) -> Iterator[np.ndarray]:
        """The arrays in a value, and the gradients that hang on them."""
        if isinstance(value, float):
            yield np.asarray(value)
        elif isinstance(value, dict) and depth:
            for one in value.values():
                yield from self._leaves(one, depth - 1)
        elif isinstance(value, list | tuple) and depth:
            for one in value:
                yield from self._leaves(one, depth - 1)
        elif callable(getattr(value, "parameters", None)) and not isinstance(value, type):  # a module of torch's
            for one in value.parameters():
                yield from self._leaves(one, depth - 1)
        elif hasattr(value, "shape") and hasattr(value, "dtype"):
            yield from self._array(value)
            if getattr(value, "is_leaf", False) and value.grad is not None:
                yield from self._array(value.grad)

    def _array(self, value: Any) -> Iterator[np.ndarray]:
        while (inner := getattr(value, "primal", None)) is not None:  # while JAX differentiates, outside of jit
            value = inner
        try:
            yield np.array(self._back(value))
        except Exception as error:  # an array without numbers: abstract, batched, a random key
            swallowed(error)


def _passes(node: ast.stmt) -> bool:
    """Whether it is a docstring, or what comes last."""
    return isinstance(node, ast.Return) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _new(before: dict[str, Leaves], after: dict[str, Leaves]) -> Leaves:
    """What no variable of the same name held before."""
    made: Leaves = []
    for name, leaves in after.items():
        old = before.get(name, [])
        made += [leaf for leaf in leaves if not any(_identical(leaf, one) for one in old)]
    return made


def _identical(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
