"""How a port that is a function is called, said where it takes other arguments."""

from compare.frameworks.models.choose import is_function_alone
from compare.pair.pair import Pair


def how_called(pair: Pair, raised: str) -> str:
    """What to add to ``raised``, what is said of a port: nothing, or how a function alone is called, where it did not
    take the arguments. One of the inputs alone holds its weights itself."""
    if not (is_function_alone(pair.port) and "TypeError" in raised and "argument" in raised):
        return ""
    return (
        ": a function alone is called as function(parameters, *inputs), the parameters by the reference's names. One "
        "that holds its weights itself is (lambda p, *inputs: function(*inputs), {}) with accept=('*',)"
    )
