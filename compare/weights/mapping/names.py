"""What the names of two arrays say: words that mean the same are one word, numbers are numbers."""

import re
from collections.abc import Iterable, Iterator

from compare.frameworks.models import choose

# What kind of array it is, the trace says better than its name.
ARRAY_WORDS = {
    "weight", "kernel", "scale", "embedding", "gamma", "bias", "beta", "w", "b", "param", "params", "parametrizations",
    "original0", "original1", "original",
}  # fmt: skip
MEANINGS: dict[str, str] = {}
for _word, _same in {
    "q": "query q_proj wq to_q query_proj q_lin queries",
    "k": "key k_proj wk to_k key_proj k_lin keys",
    "v": "value v_proj wv to_v value_proj v_lin values val",
    "o": "o_proj out_proj wo to_out out output proj_out output_proj proj",
    "qkv": "in_proj c_attn qkv_proj to_qkv query_key_value in_proj_weight in_proj_bias wqkv",
    "fc1": "linear1 c_fc dense1 lin1 up_proj up expand wi w_in",
    "fc2": "linear2 c_proj dense2 lin2 down_proj down contract wo_mlp w_out",
    "gate": "gate_proj wg gating",
    "token": "wte embed embed_tokens tok_embeddings token_embedding embeddings word_embeddings tok_emb tokens tok",
    "position": "wpe pos pos_embed pos_embedding position_embeddings pos_emb positions positional positional_embedding",
    "norm1": "input_layernorm ln_1 ln1 attention_norm attn_norm pre_attention_norm layernorm1 norm_1",
    "norm2": "post_attention_layernorm ln_2 ln2 ffn_norm mlp_norm pre_mlp_norm layernorm2 norm_2",
    "norm": "ln_f final_norm final_layernorm ln_final norm_f",
    "mean": "running_mean moving_mean",
    "var": "running_var moving_var variance moving_variance",
    "head": "lm_head classifier logits readout",
    "cls": "cls_token class_token class_embedding",
    "attention": "attn self_attn self_attention attention mha attend msa",
    "mlp": "ffn feed_forward feedforward ff",
    "conv": "convolution",
    "ih": "dense_i x2h input_to_hidden w_ih",
    "hh": "dense_h h2h hidden_to_hidden w_hh",
    "real": "re real_part",
    "imaginary": "im imag imaginary_part imag_part",
    "reverse": "backward bwd reversed rev backwards backward_rnn",
}.items():
    for _other in (_word, *_same.split()):
        MEANINGS.setdefault(_other, _word)

# How libraries number the layers that have no name: Dense_0 says nothing but its class.
AUTOMATIC = re.compile(f"^({'|'.join(kind.numbered for kind in choose.KINDS if kind.numbered)})$")


def tokens(path: str) -> list[tuple[str, tuple[int, ...]]]:
    """The words of a ``state_dict`` name or a leaf's path, each with the numbers that stand at it."""
    words_and_numbers: list[tuple[str, tuple[int, ...]]] = []
    for plain in _plain_parts(path):
        if plain in MEANINGS:
            words_and_numbers.append((MEANINGS[plain], ()))
        elif plain.isdigit():
            if words_and_numbers:
                words_and_numbers[-1] = (words_and_numbers[-1][0], (*words_and_numbers[-1][1], int(plain)))
            else:
                words_and_numbers.append(("", (int(plain),)))
        else:
            word, number = re.match(r"^(.*?)_?(\d*)$", plain).groups()  # type: ignore[union-attr]
            words_and_numbers.append((_singular(MEANINGS.get(word, word)), (int(number),) if number else ()))
    return [(word, numbers) for word, numbers in words_and_numbers if word not in ARRAY_WORDS or numbers]


def _plain_parts(path: str) -> Iterator[str]:
    """The parts of a path in small letters; the end that says which part of complex numbers it is counts as another."""
    for part in re.split(r"[./]", path):
        if not AUTOMATIC.match(part):
            plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower().strip("_")
            name, _, end = plain.rpartition("_")
            yield from (name, end) if name and MEANINGS.get(end) in ("real", "imaginary") else (plain,)


def words(path: str) -> frozenset[str]:
    """The words alone; a compound counts as itself and as its parts."""
    alone = set()
    for word, _ in tokens(path):
        alone.add(word)
        if "_" in word:
            alone |= {MEANINGS.get(part, _singular(part)) for part in word.split("_")}
    return frozenset(alone - ARRAY_WORDS - {""})


def numbered(path: str) -> frozenset[tuple[str, tuple[int, ...]]]:
    """The words that stand with numbers."""
    return frozenset((word, numbers) for word, numbers in tokens(path) if numbers)


def alike(names: Iterable[str], name: str) -> list[str]:
    """The names that share most with ``name``, best first."""
    own = words(name)
    return sorted(names, key=lambda other: (-len(own & words(other)), other))


def _singular(word: str) -> str:
    plural = word not in ARRAY_WORDS and len(word) > 3 and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural else word
