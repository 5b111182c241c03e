"""The pair of a call: what is given, and one line where that is none."""

import numpy as np
import pytest
import torch
from flax import linen

from compare.errors import UsageError
from compare.pair.given_pair import given_pair
from compare.pair.pair import Pair

MODELS = torch.nn.Linear(3, 2), linen.Dense(2), np.ones((4, 3), np.float32)
PAIR = Pair(*MODELS)


def test_a_pair_is_itself_and_models_make_one():
    assert given_pair("call", PAIR, None, None, {}) is PAIR
    assert given_pair("call", *MODELS, {"name": "mine"}).name == "mine"


@pytest.mark.parametrize(
    ("given", "fields", "words"),
    [
        ((PAIR, linen.Dense(2), None), {}, "call: a Pair holds everything: give it alone, or the models and the batch"),
        ((PAIR, None, None), {"name": "mine"}, "a Pair holds everything"),
        ((*MODELS[:2], None), {}, "call: expected a reference, a port and a batch"),
        (MODELS, {"rulez": {}}, "call: unexpected keyword argument 'rulez'"),
    ],
)
def test_refused(given, fields, words):
    with pytest.raises(UsageError, match=words):
        given_pair("call", *given, fields)
