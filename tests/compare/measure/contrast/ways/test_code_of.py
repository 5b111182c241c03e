"""The code of a way that a reader is shown."""

from compare.measure.contrast.ways import jax_alone, jax_on_pair, torch_alone
from compare.measure.contrast.ways.code_of import code_of


def test_it_brings_the_rule_that_it_uses():
    """A function with a derivative of its own, the rules that are given to it, and what these use; nothing else."""
    code = code_of(jax_alone, "implicit_function")
    for part in ("@jax.custom_vjp\ndef solved(", "def _solved(", "def _back(", "solved.defvjp(_solved, _back)"):
        assert part in code
    assert "cube" not in code
    assert "class Cube(torch.autograd.Function)" in code_of(torch_alone, "custom_derivative")


def test_it_is_one_function_where_nothing_else_is_used():
    """A row of the pair."""
    assert code_of(jax_on_pair, "forward_mode").count("\ndef ") == 0
