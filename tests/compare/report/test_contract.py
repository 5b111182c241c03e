"""The keys that stay are in the form, at every depth."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from compare.explain.closing import Closing
from compare.explain.doctor.diagnosis import Cause
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.locate.difference import Branch, Difference
from compare.report.contract import VerifyForm
from compare.report.form import verify_form
from compare.verdict.bits import PrecisionFlag
from compare.verification.envelope import Envelope
from compare.verification.rule_report import UpdateRule
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
FLAG = PrecisionFlag("port", "output", "batch", 24.0, 8.0, 9e4, 3, "bfloat16")


def missing(form: Any, kind: Any, path: str = "") -> Iterator[str]:
    """Every key of a type that a form lacks; what is None has to be allowed to be."""
    if form is None and NoneType in get_args(kind):
        return
    if is_typeddict(kind):
        for key, inner in get_type_hints(kind).items():
            if key not in form:
                yield f"{path}.{key}"
            else:
                yield from missing(form[key], inner, f"{path}.{key}")
    elif get_origin(kind) is list and is_typeddict(get_args(kind)[0]):
        assert form, f"{path}: an empty list shows nothing"
        for item in form:
            yield from missing(item, get_args(kind)[0], f"{path}[]")
    elif get_origin(kind) is dict and is_typeddict(get_args(kind)[1]):
        for name, item in form.items():
            yield from missing(item, get_args(kind)[1], f"{path}.{name}")
    else:
        for inner in filter(is_typeddict, get_args(kind)):
            yield from missing(form, inner, path)


def test_every_key_that_stays_is_there():
    """Of a pair that differs, with its causes and certificates: the form has all that the types promise."""
    filled = report(explanation=EXPLANATION, precision=FLAG, envelope=Envelope(3, 1e-7, 1e-7, "rows permuted"))
    filled = replace(filled, update_rule=RULE)
    form = verify_form([filled], ENVIRONMENT)
    assert list(missing(form, VerifyForm)) == []


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
        assert [lack.rsplit(".", 1)[1] for lack in missing(form, VerifyForm)] == [path[-1]]
