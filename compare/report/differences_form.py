"""Entries of the table of differences as JSON holds them: to the digits that do not depend on a processor."""

from collections.abc import Iterable
from typing import cast

import numpy as np

from compare.explain.differences.run_row import Difference, Facing, Tried
from compare.frameworks.environment import installed
from compare.report.contract import Form, Number
from compare.report.differences_contract import DifferencesForm, EntryForm, FacingForm, TriedForm

PACKAGES = ("torch", "jax", "flax", "optax")


def differences_form(entries: Iterable[Difference]) -> DifferencesForm:
    """The table, with the versions that it was run on."""
    made = [_entry(one) for one in entries]
    return {"schema": 1, "versions": {name: installed(name).partition("+")[0] for name in PACKAGES}, "entries": made}


def _entry(one: Difference) -> EntryForm:
    return {
        "group": one.group,
        "names": {name: _settings(own) for name, own in one.names.items()},
        "codes": list(one.codes),
        "inputs": one.inputs,
        "sampled": one.sampled,
        "note": one.note,
        "fault": one.fault,
        "ports": [_facing(port) for port in one.ports],
    }


def _facing(one: Facing) -> FacingForm:
    return {
        "names": {name: _settings(own) for name, own in one.names.items()},
        "also": list(one.also),
        "plain": _tried(one.plain),
        "adapted": _tried(one.adapted),
        "settings": one.settings,
        "why_apart": one.why_apart,
        "kinks": [
            {
                "at": kink.at,
                "left": _rounded(kink.left, 3),
                "right": _rounded(kink.right, 3),
                "reference": _rounded(kink.reference, 4),
                "port": _maybe(kink.port),
                "adapted": _maybe(kink.adapted),
            }
            for kink in one.kinks
        ],
    }


def _tried(one: Tried | None) -> TriedForm | None:
    if one is None:
        return None
    return {
        "code": one.code,
        "equal": one.equal,
        "value": _rounded(one.apart.value, 2),
        "gradient": _rounded(one.apart.gradient, 2),
        "said": one.apart.said,
        "returned": one.returned,
        "probes": [
            {
                "probe": probe.probe,
                "what": probe.what,
                "apart": _rounded(probe.apart, 2),
                "reference": _maybe(probe.reference),
                "port": _maybe(probe.port),
            }
            for probe in one.probes
        ],
    }


def _settings(own: Form) -> Form:
    return {name: list(value) if isinstance(value, tuple) else _finite(value) for name, value in own.items()}


def _finite(value: object) -> object:
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _maybe(value: float | None) -> Number | None:
    return None if value is None else _rounded(value, 4)


def _rounded(value: float, digits: int) -> Number:
    return float(f"{value:.{digits - 1}e}") if np.isfinite(value) else cast(Number, str(value))
