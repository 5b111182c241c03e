"""The pair of the mixer block that the command, the test and the workflow verify.

jaxport verify examples/suite/mixer_pair.py
"""

import numpy as np
import torch
from mixer import FEATURES, TOKENS, FlaxMixer, Mixer

from compare import Pair


def batch(rng: np.random.Generator) -> np.ndarray:
    """(batch, tokens, features)."""
    return rng.standard_normal((4, TOKENS, FEATURES), dtype=np.float32)


torch.manual_seed(0)
pair = Pair(Mixer(), FlaxMixer(), batch)
