"""What faces what in three examples, written down by hand from their sources: nodes of the tape by class and layer,
equations by primitive and layer.

A row is (nodes, equations). A node is ``Class@layer``, an equation ``primitive@layer``; ``#n`` takes the n-th of them
only, ``*`` any, and what comes after a colon must be in the shape. Moving numbers is no computing, and what no result
needs faces nothing: neither is in a row.
"""

from collections.abc import Iterator
from itertools import product

from compare.measure.contrast.contrast import Contrast

Row = tuple[tuple[str, ...], tuple[str, ...]]

MLP: list[Row] = [
    (("NllLossBackward0@", "LogSoftmaxBackward0@"), ("*@",)),
    (("AddmmBackward0@net.3",), ("*@MLP/Dense_1",)),
    (("ReluBackward0@net.2",), ("max@MLP", "gt@MLP", "select_n@MLP")),
    (("AddmmBackward0@net.1",), ("*@MLP/Dense_0",)),
]

SCORES, WEIGHTED = "...qhd,...khd->...hqk", "...hqk,...khd->...qhd"


def _gpt_block(number: int) -> Iterator[Row]:
    layer, its = f"h.{number}", f"FlaxGPT/block_{number}"
    attention = f"{its}/attention"
    yield (f"NativeLayerNormBackward0@{layer}.ln_1",), (f"*@{its}/ln_1",)
    # One product with the three kernels side by side, then cut; Flax has three products.
    yield (
        (f"AddmmBackward0@{layer}.attn.c_attn", f"SplitBackward0@{layer}.attn"),
        tuple(f"*@{attention}/{part}" for part in ("query", "key", "value")),
    )
    # The scores are scaled after the product; in Flax the queries before it.
    yield (
        (f"BmmBackward0@{layer}.attn#1", f"MulBackward0@{layer}.attn"),
        (f"*@{attention}/{SCORES}", f"div@{attention}:[3,11,4,8]"),
    )
    yield (f"MaskedFillBackward0@{layer}.attn",), (f"select_n@{attention}",)
    yield (
        (f"SoftmaxBackward0@{layer}.attn",),
        tuple(
            f"{name}@{attention}:[3,4,11"
            for name in ("reduce_max", "sub", "exp", "reduce_sum", "div", "integer_pow", "mul", "neg", "add_any")
        ),
    )
    yield (f"BmmBackward0@{layer}.attn#0",), (f"*@{attention}/{WEIGHTED}",)
    yield (f"AddmmBackward0@{layer}.attn.c_proj",), (f"*@{attention}/out",)
    yield (f"AddBackward0@{layer}#1",), (f"add@{its}#0",)
    yield (f"NativeLayerNormBackward0@{layer}.ln_2",), (f"*@{its}/ln_2",)
    yield (f"AddmmBackward0@{layer}.mlp.c_fc",), (f"*@{its}/mlp/fc",)
    yield (f"GeluBackward0@{layer}.mlp",), (f"*@{its}/mlp",)
    yield (f"AddmmBackward0@{layer}.mlp.c_proj",), (f"*@{its}/mlp/proj",)
    yield (f"AddBackward0@{layer}#0",), (f"add@{its}#1",)


GPT: list[Row] = [
    # The head is the table of the tokens: its product is written in the table's layer.
    (("MmBackward0@lm_head",), ("dot_general@FlaxGPT/wte", "dot_general@FlaxGPT/wte.attend")),
    (("NativeLayerNormBackward0@ln_f",), ("*@FlaxGPT/ln_f",)),
    *_gpt_block(0),
    *_gpt_block(1),
    (("AddBackward0@",), ("add@FlaxGPT#0",)),
    (
        ("EmbeddingBackward0@wte",),
        ("lt@FlaxGPT/wte", "add@FlaxGPT/wte", "select_n@FlaxGPT/wte", "gather@FlaxGPT/wte", "scatter-add@FlaxGPT/wte"),
    ),
    (("EmbeddingBackward0@wpe",), ("gather@FlaxGPT/wpe", "scatter-add@FlaxGPT/wpe")),
]


def _resnet_block(number: int, has_projection: bool) -> Iterator[Row]:
    layer, its = f"layers.{number}", f"FlaxResNet/ResNetBlock_{number}"
    for at in range(2):
        yield (f"ConvolutionBackward0@{layer}.conv{at + 1}",), (f"conv_general_dilated@{its}/Conv_{at}",)
        yield (f"NativeBatchNormBackward0@{layer}.bn{at + 1}",), (f"*@{its}/BatchNorm_{at}",)
    if has_projection:
        yield (f"ConvolutionBackward0@{layer}.downsample.0",), (f"*@{its}/conv_proj",)
        yield (f"NativeBatchNormBackward0@{layer}.downsample.1",), (f"*@{its}/norm_proj",)
    # Backwards the last comes first: of the tape, and of the gradient's equations.
    yield (f"ReluBackward0@{layer}#1",), (f"max@{its}#0", f"gt@{its}#0", f"select_n@{its}#1")
    yield (f"AddBackward0@{layer}",), (f"add@{its}",)
    yield (f"ReluBackward0@{layer}#0",), (f"max@{its}#1", f"gt@{its}#1", f"select_n@{its}#0")


RESNET: list[Row] = [
    (("ConvolutionBackward0@conv1",), ("*@FlaxResNet/conv_init",)),
    (("NativeBatchNormBackward0@bn1",), ("*@FlaxResNet/bn_init",)),
    (("ReluBackward0@",), ("max@FlaxResNet", "gt@FlaxResNet", "select_n@FlaxResNet")),
    (("MaxPool2DWithIndicesBackward0@",), ("reduce_window_max@FlaxResNet", "select_and_scatter_add@FlaxResNet")),
    *(row for number in range(6) for row in _resnet_block(number, number in (2, 4))),
    (("MeanBackward1@",), ("reduce_sum@FlaxResNet", "div@FlaxResNet")),
    (("AddmmBackward0@fc",), ("*@FlaxResNet/Dense_0",)),
]

TRUTH = {"mlp": MLP, "gpt_block": GPT, "resnet": RESNET}


def truth_of(name: str, made: Contrast) -> set[tuple[int, int]]:
    """The pairs of positions that a table says; each of its lines must name something."""
    pairs: set[tuple[int, int]] = set()
    for nodes, equations in TRUTH[name]:
        left = [at for one in nodes for at in _found(one, [(row.name, row.path, "", "") for row in made.tape])]
        rows = [(row.name, row.path, row.made, row.why) for row in made.equations]
        right = [at for one in equations for at in _found(one, rows)]
        assert left, f"{nodes}: no such node"
        assert right, f"{equations}: no such equation"
        pairs |= set(product(left, right))
    return pairs


def _found(said: str, rows: list[tuple[str, str, str, str]]) -> list[int]:
    said, _, shape = said.partition(":")
    said, _, number = said.partition("#")
    name, _, path = said.partition("@")
    found = [
        at
        for at, (own, layer, made, why) in enumerate(rows)
        if own == (name if name != "*" else own) and layer == path and shape in made and why in ("", "fused")
    ]
    return found[int(number) :][:1] if number else found
