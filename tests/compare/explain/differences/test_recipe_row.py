"""The form of an optimizer's row."""

from compare.explain.differences.recipe_row import OptimizerRow
from compare.explain.differences.rows import OPTIMIZERS


def test_all_that_is_written_on_torchs_side_is_there():
    """The optimizer, what schedules it, and what stands around it, each once."""
    row = OptimizerRow("x", "SGD(p)", "", "", scheduler="StepLR(o, 3)", every=4, averages=("a", "b", "c"))
    assert row.torch_codes == ("SGD(p)", "StepLR(o, 3)", "(loss / 4).backward()", "a")
    assert row.around
    assert not OptimizerRow("x", "SGD(p)", "", "").around


def test_names_are_unique():
    """The page is looked up by them."""
    names = [row.name for row in OPTIMIZERS]
    assert len(names) == len(set(names)) == 57
