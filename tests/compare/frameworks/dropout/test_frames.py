"""The user's line is the innermost one that belongs to no framework."""

import torch

from compare.frameworks.dropout.frames import module_of, stack, user_line


def test_the_line_is_the_callers_and_relative():
    assert user_line(set()).startswith("tests/compare/frameworks/dropout/test_frames.py:")


def test_the_frameworks_own_frames_are_passed_over():
    lines = []

    class Layer(torch.nn.Module):
        def forward(self, x):
            lines.append(user_line({"torch", "tests"}))
            lines.append(user_line({"torch"}))
            return x

    torch.nn.Sequential(Layer())(torch.ones(1))
    assert "tests/compare" not in lines[0]
    assert lines[1] == f"tests/compare/frameworks/dropout/test_frames.py:{Layer.forward.__code__.co_firstlineno + 2}"


def test_code_without_a_module_has_a_line_too():
    found = []
    exec(compile("found.append(line(set()))", "made.py", "exec"), {"found": found, "line": user_line})
    assert found == ["made.py:1"]


def test_the_stack_starts_at_the_caller():
    assert module_of(next(stack())) == __name__
