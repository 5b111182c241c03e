"""A sentence classifier and tagger on an LSTM, written twice: ids in, a label per step and one per sentence out.

What differs and must not matter: PyTorch packs the four gates into one matrix and adds two biases; Flax keeps one
kernel per gate and one bias, their sum. PyTorch returns (h, c), Flax carries (c, h).

    jaxport verify examples/lstm.py
"""

import numpy as np
import torch
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

VOCABULARY, TAGS, LABELS = 50, 7, 3
EMBEDDING, HIDDEN = 12, 16


# The reference, in PyTorch.


class Tagger(nn.Module):
    """``ids`` and ``mask`` (batch, steps), False where a sentence is over.

    Returns a dictionary: "tags" (batch, steps, tags), and "label" (batch, labels) from the mean and the last state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, num_layers=2, batch_first=True)
        self.tag = nn.Linear(HIDDEN, TAGS)
        self.label = nn.Linear(2 * HIDDEN, LABELS)

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        states, (h, _) = self.lstm(self.embedding(ids))
        kept = states.masked_fill(~mask.unsqueeze(-1), 0.0)
        mean = kept.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        summary = torch.cat([mean, h[-1]], dim=-1)  # the last layer's last state
        return {"tags": self.tag(states), "label": self.label(summary)}


# The port, in Flax Linen.


class FlaxTagger(linen.Module):
    @linen.compact
    def __call__(self, ids: Array, mask: Array) -> dict[str, Array]:
        x = linen.Embed(VOCABULARY, EMBEDDING, name="embed")(ids)
        _, x = linen.RNN(linen.OptimizedLSTMCell(HIDDEN, name="lstm_0"), return_carry=True)(x)
        (_, h), states = linen.RNN(linen.OptimizedLSTMCell(HIDDEN, name="lstm_1"), return_carry=True)(x)
        kept = jnp.where(mask[..., None], states, 0.0)
        mean = kept.sum(axis=1) / mask.sum(axis=1, keepdims=True)
        summary = jnp.concatenate([mean, h], axis=-1)
        return {
            "tags": linen.Dense(TAGS, name="tag")(states),
            "label": linen.Dense(LABELS, name="label")(summary),
        }


def batch(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Keyword inputs: sentences of 1 to 9 words, padded to 9."""
    rows, steps = 4, 9
    lengths = rng.integers(1, steps + 1, rows)
    ids = rng.integers(0, VOCABULARY, (rows, steps)).astype(np.int32)
    return {"ids": ids, "mask": np.arange(steps) < lengths[:, None]}


torch.manual_seed(0)
pair = Pair(reference=Tagger(), port=FlaxTagger(), batch=batch, bounds={"ids": (0, VOCABULARY)}, smooth=True)
