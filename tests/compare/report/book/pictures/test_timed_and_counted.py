"""What of compiling is measured."""

import numpy as np

from compare.lessons import find
from compare.report.book.pictures.timed_and_counted import programs_after_each, step_seconds


def test_programs_are_counted_after_each_call():
    """By what the counter says then."""
    made = []

    def compile(function):
        def called(size):
            made.append(size) if size not in made else None
            return function(size)

        return called

    def calls(sizes, compile):
        compiled = compile(lambda size: size)
        return [compiled(size) for size in sizes]

    assert programs_after_each(calls, (2, 3, 3, 5), compile, lambda: len(made)) == [1, 2, 2, 3]


def test_a_step_is_timed():
    """As it is compiled, as a program and operation by operation: how long each takes is the machine's affair."""
    arrays = find("compile").arrays(np.random.default_rng(0))
    assert min(step_seconds({name: array.astype(np.float32) for name, array in arrays.items()})) > 0
