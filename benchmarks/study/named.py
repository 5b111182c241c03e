"""Whether the cause that is named is the one that was planted: what each fault may be called, and the number in it."""

import re
from typing import Any

from benchmarks.study.network import Network

NEAR = 1e-6  # relative: a number so near to the planted one is it, as it is printed

# By the beginning of a fault's name, what its cause may be called: a pattern over "setting: text".
CALLED = {
    "epsilon": r"^epsilon",
    "unbiased variance": r"unbiased|correction|N - 1",
    "norm over": r"axis|axes|over|normalized",
    "mean not taken off": r"mean|centr|RMS",
    "RMS norm centred": r"mean|centr",
    "scale plus one": r"1 \+|scale",
    "variance not differentiated": r"stop_gradient|stops the gradient",
    "number of groups": r"groups",
    "tanh GELU": r"approximat|tanh",
    "exact GELU": r"approximat|exact",
    "sigmoid GELU": r"sigmoid|quick GELU",
    "negative slope": r"slope",
    "leaky for ReLU": r"leaky|slope",
    "ReLU6": r"ReLU6",
    "CELU": r"CELU|alpha|scale",
    "hard sigmoid": r"hard sigmoid",
    "hard swish": r"hard swish",
    "softplus without": r"threshold|softplus",
    "activation missing": r"leaves out|activation|none",
    "padding SAME": r"padding",
    "zeros for circular": r"padding|circular",
    "maximum for mean pool": r"max|avg|average|mean|pool",
    "flatten order": r"order|flatten",
    "sum for mean": r"reduction|sum|scale",
    "maximum over positions": r"reduction|max",
    "wrong step taken": r"entry|step|last|first",
    "constant": r"scale|constant|multiply|factor",
    "input's mean": r"constant|mean",
    "residual missing": r"residual|term|leaves out",
    "residual branch": r"scale|residual",
    "softmax over": r"axis|softmax",
    "scale": r"scale|scaling",
    "mask missing": r"mask|causal",
    "mask off by one": r"mask|causal|diagonal",
    "mask too weak": r"mask|fill",
    "query and key": r"query|key|transpos|exchang|weights of|swap",
    "key and value": r"key|value|exchang|weights of|swap",
    "heads": r"heads|order|transpos|axes|permut",
    "weights not differentiated": r"stop_gradient|stops the gradient",
    "rotary missing": r"rotary|position|term|leaves out",
    "rotary interleaved": r"rotary|interleav|pairs|halves",
    "rotary the other way": r"rotary|sign|negated",
    "rotary base": r"theta|base",
    "rotary of the query": r"position|shift|offset",
    "table": r"theta|base|table|position|shift",
    "cache written": r"cache|position|late",
    "gate and value": r"gate|factor|weights of|exchang",
    "positions shifted": r"position|shift|start|arange",
    "LSTM's": r"gate|forget|state|tanh|order|bias|cell",
    "GRU's": r"gate|reset|order|update",
    "recurrent start": r"initial state|start",
    "coupling without": r"tanh|leaves out|activation",
    "Fourier": r"modes|conjugat|fft|parameter|freq",
    "imaginary": r"imag|real",
    "dropout": r"dropout",
    "running statistics": r"training|statistics|running|use_running",
    "momentum": r"momentum",
    "square weight transposed": r"transpos",
    "bias dropped": r"bias|zero|leaves out",
    "bias added twice": r"bias|twice|times",
    "bias gradient": r"stop_gradient|stops the gradient",
    "kernel mirrored": r"mirror|flip|revers|cross-correlation",
    "weight negated": r"negated|sign",
    "weight scaled": r"scale|times",
    "weight rounded": r"round|float|precision",
    "one weight's entry": r"entry",
    "one weight's gradient": r"gradient",
    "weight's gradient": r"gradient",
    "activation scaled": r"scale|times|multiply|factor",
    "gradient scaled": r"gradient",
    "gradient stopped": r"gradient",
    "rows of the batch": r"rows|batch",
    "features in another order": r"order|roll|shift",
    "half the squares": r"half|0\.5|scale|factor",
    "mean over the rows": r"reduction|rows|scale|batch",
    "labels shifted": r"labels|targets|shift",
    "one row dropped": r"row|weight",
    "outputs scaled": r"scale|factor|times",
    "softmax before": r"softmax",
    "label smoothing": r"smoothing",
    "Huber's delta": r"delta|beta",
    "bfloat16": r"bfloat16|precision|rounds|dtype",
}


def called(fault: str) -> str:
    """The pattern of a fault; the longest beginning of its name counts.

    Raises:
        KeyError: nothing says what a fault of that name is called.
    """
    fitting = [start for start in CALLED if fault.startswith(start)]
    if not fitting:
        raise KeyError(fault)
    return CALLED[max(fitting, key=len)]


def planted_number(network: Network, faulty: Network) -> float | None:
    """The number that one operation, or the loss, has otherwise in the faulty port; None where that is no number."""
    pairs = [(own.settings, off.settings) for own, off in zip(network.ops, faulty.ops, strict=False) if own != off]
    if network.loss != faulty.loss and network.loss is not None and faulty.loss is not None:
        return faulty.loss.setting if faulty.loss.setting != network.loss.setting and not faulty.loss.fault else None
    for own, off in pairs[:1] if len(network.ops) == len(faulty.ops) else []:
        for name, value in off.items():
            if name in own and isinstance(value, float) and value != own[name]:
                return value
    return None


def is_planted(fault: str, cause: dict[str, Any], number: float | None) -> bool:
    """Whether a cause is the planted one, and where it says a number in the port, that one."""
    text = f"{cause['setting']}: {cause['text']}"
    if not re.search(called(fault), text):
        return False
    said = re.search(r" is (-?[0-9.]+(?:e[-+]?[0-9]+)?)\b[^,]* in the port", cause["text"])
    return number is None or said is None or abs(float(said[1]) - number) <= NEAR * max(abs(number), NEAR)
