"""The keys that stay are in the form, at every depth."""

import copy
from dataclasses import replace
from typing import Any, get_args, get_type_hints

from compare.cli.written import unlike
from compare.explain.closing import Closing
from compare.explain.doctor.diagnosis import Cause
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.locate.difference import Branch, Difference
from compare.report.contract import VerifyForm, WeightLineForm, WeightsOfPairForm
from compare.report.form import verify_form, weights_form
from compare.verdict.bits import PrecisionFlag
from compare.verification.envelope import Envelope
from compare.verification.rule_report import UpdateRule
from compare.weights.own.line import KINDS, OwnLine
from compare.weights.own.own_weights import OwnWeights
from tests.compare.report.test_form import report

EXPLANATION = Explanation(
    Difference("forward", "enc", "enc", "output", "batch", "training", 1e-3, 1e-12),
    (NamedCause(Cause("epsilon", "1e-05", "1e-06", "epsilon is 1e-06", "read", 1e-3, 0.0, None, True), "enc", "enc"),),
    closing=Closing(1e-3, 0.0, ("output",), 2),
    tree=(Branch("enc", "enc", "LayerNorm", "introduced", "agrees"),),
)


ENVIRONMENT = {
    "device": "cpu",
    "device_name": "a processor",
    "python": "3.11.0",
    "system": "Linux x86_64",
    "processor": "a processor",
    "cores": 2,
    "versions": {"torch": "2.99.0", "jax": "0.99.0"},
    "precision_policy": {"torch": "highest", "jax": "highest"},
    "product_error": {"torch": 2e-7, "jax": 2e-7},
    "torch_threads": 1,
    "jax_preallocates": "false",
}
RULE = UpdateRule(steps=256, not_seen=("a clip, which never acted",))
WEIGHTS = OwnWeights("reference", (OwnLine("params/k", ("w",), "equal", tells=True),))
FLAG = PrecisionFlag("port", "output", "batch", 24.0, 8.0, 9e4, 3, "bfloat16")


def test_every_key_that_stays_is_there():
    """Of a pair that differs, with its causes and certificates: the form has all that the types promise."""
    filled = report(explanation=EXPLANATION, precision=FLAG, envelope=Envelope(3, 1e-7, 1e-7, "rows permuted"))
    filled = replace(filled, update_rule=RULE, weights=WEIGHTS)
    form = verify_form([filled], ENVIRONMENT)
    assert unlike(form, VerifyForm) == ""
    alone = weights_form("pair", "a title", ["what a loader does"], WEIGHTS, ENVIRONMENT)
    assert unlike(alone, WeightsOfPairForm) == ""


def test_a_key_that_goes_is_noticed():
    """Planted in each kind of place: the whole, a pair, a quantity, its worst entry, a cause."""
    of_pair = (("teeth",), ("quantities", 0, "gap"), ("quantities", 0, "worst", "index"), ("causes", 0, "text"))
    for path in (("verdict",), *(("pairs", 0, *keys) for keys in of_pair)):
        filled = report(explanation=EXPLANATION, precision=FLAG, envelope=Envelope(3, 1e-7, 1e-7, "rows permuted"))
        form: Any = verify_form([filled], copy.deepcopy(ENVIRONMENT))
        inner = form
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        assert unlike(form, VerifyForm).endswith(f" has no {path[-1]!r}")


def test_the_kinds_of_own_weights_are_the_judges():
    """Each by the word that the form says, and none beside."""
    assert set(get_args(get_type_hints(WeightLineForm)["kind"])) == set(KINDS)
