"""The one form of every result: nested dictionaries that JSON can hold. Terminal and pictures are made from it."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any, cast

from compare.report.contract import Form, VerifyForm, WeightsOfPairForm
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import PASSED, Verdict, worst

if TYPE_CHECKING:  # a port is judged against a record where torch is not installed
    from collections.abc import Sequence

    from compare.explain.explanation import Explanation, NamedCause
    from compare.lessons.row import Lesson
    from compare.lessons.run import LessonReport, Returned
    from compare.lessons.sources import Source
    from compare.measure.bench.bench_result import Bench
    from compare.measure.bench.sweep_sizes import Size
    from compare.measure.bench.two_runs import TwoRuns
    from compare.measure.contrast.contrast import Contrast
    from compare.measure.trajectory import Training
    from compare.verification.rule_report import UpdateRule
    from compare.verification.verification import PairReport
    from compare.weights.own.own_weights import OwnWeights

SCHEMA = 1


def verify_form(reports: "list[PairReport]", environment: Form) -> VerifyForm:
    """What ``jaxport verify --json`` writes; ``compare.report.contract`` has the keys that stay."""
    form = {
        "schema": SCHEMA,
        "verdict": worst([report.verdict for report in reports]),
        "environment": environment,
        "pairs": [_pair(report) for report in reports],
    }
    return cast(VerifyForm, plain(form))


def weights_form(
    pair: str, title: str, loader: "Sequence[str]", weights: "OwnWeights", environment: Form
) -> WeightsOfPairForm:
    """What ``jaxport weights --json`` writes."""
    held = {"pair": pair, "title": title, "loader": loader, "weights": _weights(weights)}
    return cast(WeightsOfPairForm, plain({"schema": SCHEMA, "environment": environment, **held}))


def train_form(training: "Training", environment: Form, recipe: str = "", trained_by: str = "") -> Form:
    """What ``jaxport train --json`` writes; ``recipe``: the name of the one that both were trained by, if any,
    ``trained_by``: what it is in words."""
    from compare.measure.drift import explain_drift

    return plain(
        {
            "schema": SCHEMA,
            "verdict": training.verdict,
            "environment": environment,
            **dataclasses.asdict(training),
            "drift": explain_drift(training),
            "recipe": recipe,
            "trained_by": trained_by,
        }
    )


def contrast_form(contrast: "Contrast", environment: Form) -> Form:
    """What ``jaxport contrast --json`` writes."""
    from compare.measure.contrast.in_words import in_words

    measured = {name: getattr(contrast, name) for name in ("tape_bytes", "residual_bytes", "copied_bytes")}
    measured["words"] = in_words(contrast)
    measured["capabilities"] = [{**dataclasses.asdict(one), "ratio": one.ratio} for one in contrast.capabilities]
    return plain({"schema": SCHEMA, "environment": environment, **dataclasses.asdict(contrast), **measured})


def bench_form(bench: "Bench") -> Form:
    """What ``jaxport bench --json`` writes."""
    form = dataclasses.asdict(bench)
    rows = form["rows"]
    for row in rows:
        wall = row["wall"]
        row["median"] = wall["median"] if wall else None
        row["quartiles"] = (wall["lower"], wall["upper"]) if wall else None
    scan = max((row["steps_per_call"] for row in rows), default=1)
    return plain({"schema": SCHEMA, "steps_in_a_scan": scan, **form})


def two_runs_form(two: "TwoRuns") -> Form:
    """What ``jaxport bench --compare`` writes."""
    return plain({"schema": SCHEMA, **dataclasses.asdict(two)})


def sweep_form(asked: Form, wanted: "Sequence[Size]", measured: "Sequence[Form]") -> Form:
    """What ``jaxport bench --sweep`` keeps: the sizes in the order of ``wanted``; some may be still to come."""
    places = {(size.batch, size.width, size.depth): place for place, size in enumerate(wanted)}
    ordered = sorted(measured, key=lambda one: places.get((one["batch"], one["width"], one["depth"]), len(places)))
    first = ordered[0]["bench"]
    kept = {"pair": first["pair"], "asked": asked, "planned": len(wanted), "sizes": ordered}
    return plain({"schema": SCHEMA, "environment": first["environment"], **kept})


def lesson_form(lesson: "Lesson", report: "LessonReport | None", environment: Form | None) -> Form:
    """A lesson: its sources and, once it has run, what each side returned and the verdict."""
    from compare.lessons.said_beside import words_of
    from compare.lessons.sources import both

    texts = {key: getattr(lesson, key) for key in ("title", "same", "different", "prevents")}
    return plain(
        {
            "schema": SCHEMA,
            "lesson": lesson.name,
            **texts,
            **dataclasses.asdict(words_of(lesson.name)),
            "sources": [part_form(name, *both(lesson.file, name)) for name in (lesson.function, *lesson.also)],
            "verdict": report.verdict if report else None,
            "first_difference": _first(report) if report else None,
            "quantities": [_returned(quantity) for quantity in report.quantities] if report else [],
            "environment": environment,
        }
    )


def passed(form: Form) -> bool:
    """Whether the verdict of a lesson, or of a book of them, counts as a match."""
    return form["verdict"] in PASSED


def part_form(name: str, reference: "Source", port: "Source") -> Form:
    """One name's source on both sides."""
    return {"name": name, "reference": vars(reference), "port": vars(port)}


def _first(report: "LessonReport") -> Form | None:
    for quantity in report.quantities:
        if quantity.verdict not in (None, Verdict.MATCH):
            both = f"{quantity.reference} in the reference, {quantity.port} in the port"
            return {"name": quantity.name, "reason": quantity.reason or both}
    return None


def _returned(quantity: "Returned") -> Form:
    judged = {key: getattr(quantity.judgement, key, None) for key in ("gap", "allowed")}
    texts = {key: getattr(quantity, key) for key in ("name", "reference", "port", "verdict", "reason")}
    return {**texts, **judged}


def _pair(report: "PairReport") -> Form:
    return {
        "pair": report.pair,
        "title": report.title,
        "verdict": report.verdict,
        "device": report.device,
        "dtype": report.dtype,
        "quantities": [_quantity(quantity) for quantity in report.quantities],
        "precision": None if report.precision is None else dataclasses.asdict(report.precision),
        "lowered": report.lowered,
        **_explanation(report.explanation),
        "coverage": dataclasses.asdict(report.coverage),
        "teeth": dataclasses.asdict(report.teeth) | {"toothless": report.teeth.toothless},
        "weight_map": report.weight_map,
        "notices": report.notices,
        "update_rule": None if report.update_rule is None else _rule(report.update_rule),
        "envelope": None if report.envelope is None else dataclasses.asdict(report.envelope),
        "loader": report.loader,
        "weights": None if report.weights is None else _weights(report.weights),
        "mesh": None if report.mesh is None else dataclasses.asdict(report.mesh),
    }


def _weights(weights: "OwnWeights") -> Form:
    held = {name: getattr(weights, name) for name in ("original", "asked", "judged", "answer", "left_over", "notes")}
    lines = [
        {"name": line.name, "sources": line.sources, "kind": line.kind, "text": line.words, "sure": line.sure}
        for line in weights.lines
    ]
    return {**held, "right": weights.right if weights.judged else None, "lines": lines}


def _explanation(explanation: "Explanation | None") -> Form:
    if explanation is None:
        return {"first_difference": None, "causes": [], "tree": [], "explanation": None}
    closing = explanation.closing
    return {
        "first_difference": None if explanation.first is None else dataclasses.asdict(explanation.first),
        "causes": [_cause(named) for named in explanation.causes],
        "tree": [dataclasses.asdict(branch) for branch in explanation.tree],
        "explanation": {
            "sentence": explanation.sentence,
            "size": explanation.first.size if explanation.first else "",
            "settings": explanation.settings,
            "observed": explanation.observed,
            "excluded": explanation.excluded,
            "closed": closing and (closing.before, closing.after),
            "still_differ": closing.still if closing else (),
            "notes": explanation.notes,
        },
    }


def _cause(named: "NamedCause") -> Form:
    cause = named.cause
    return {
        "where": named.reference,
        "where_port": named.port,
        "places": named.places,
        "setting": cause.setting,
        "reference": cause.reference,
        "port": cause.port,
        "text": cause.text,
        "evidence": cause.evidence,
        "before": cause.before,
        "after": cause.after,
        "certain": cause.certain,
        "reopens": cause.reopens,
    }


def _rule(rule: "UpdateRule") -> Form:
    held = {name: getattr(rule, name) for name in ("verdict", "text", "steps", "clipped", "milestones", "schedules")}
    return {**held, "differs": rule.differs or None, "not_seen": rule.not_seen}


def _quantity(quantity: Quantity) -> Form:
    judgement = dataclasses.asdict(quantity.judgement)
    return {
        "name": quantity.name,
        "kind": quantity.kind,
        "probe": quantity.probe,
        **judgement,
        "verdict": quantity.verdict,
        "detection_limit": quantity.judgement.detection_limit,
        "kink": quantity.kink,
    }


def plain(value: object) -> Any:
    """``value`` as JSON holds it: enums as their word, non-finite numbers as "nan", "inf" and "-inf", complex ones as
    [real part, imaginary part]."""
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
