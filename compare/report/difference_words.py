"""What is said of an entry of the table of differences, on the page as in the terminal."""

from compare.explain.differences.thresholds import EQUAL
from compare.report.contract import Form, Number
from compare.report.differences_contract import EntryForm, FacingForm, KinkForm, ProbedForm, TriedForm

PROBES = {"zeros": "where everything is 0", "ties": "where everything is equal", "large": "where everything is large"}
UNTOLD = {"inplace"}  # JAX's arrays do not change
SAME_FAULT = 100  # a probe is told where it differs by more than so many times what all inputs do


def signature(name: str, own: Form) -> str:
    """A name with its defaults: ``jax.nn.gelu(approximate=True)``; the name alone where it has none."""
    told = ", ".join(f"{key}={value!r}" for key, value in own.items() if key not in UNTOLD)
    return f"{name}({told})" if told else name


def names(entry: EntryForm | FacingForm) -> str:
    """Those of one side."""
    return ", ".join(entry["names"])


def apart(tried: TriedForm, sampled: bool = False) -> str:
    """How far one expression is from torch's."""
    if tried["said"]:
        return tried["said"] + (f"; the other returns {tried['returned']}" if tried["returned"] else "")
    if sampled:
        kind = "equal as a distribution" if tried["equal"] else f"another distribution ({_size(tried['value'])} apart)"
        return f"{kind}: {tried['returned']}"
    if tried["equal"]:
        return "equal"
    if float(tried["value"]) <= EQUAL:
        return f"gradient {_size(tried['gradient'])} apart"
    since = f", {tried['returned']}" if tried["returned"] else ""
    return f"{_size(tried['value'])} apart{since}"


def needed(facing: FacingForm) -> str:
    """What makes it equal: the settings, or the expression."""
    return facing["settings"] or (facing["adapted"]["code"] if facing["adapted"] else "")


def kinks(facing: FacingForm) -> list[str]:
    """The gradients at kinks; those that agree in one sentence."""
    told = [_kink(one) for one in facing["kinks"] if not _agrees(one)]
    alike = [f"{float(one['reference']):g} at {float(one['at']):g}" for one in facing["kinks"] if _agrees(one)]
    return [*told, *([f"slope {', '.join(alike)} on both sides"] if alike else [])]


def probed(tried: TriedForm | None) -> list[str]:
    """On which inputs two that agree elsewhere do not."""
    if tried is None or tried["said"]:
        return []
    usual = max(float(tried["value"]), float(tried["gradient"]))
    return [_probe(one) for one in tried["probes"] if float(one["apart"]) > SAME_FAULT * usual]


def everything(facing: FacingForm) -> list[str]:
    """All that is said of a counterpart beside its distances: kinks, probes, and the reason where nothing helps."""
    last = facing["adapted"] or facing["plain"]
    mended = facing["plain"] if facing["adapted"] and facing["plain"] and facing["plain"]["equal"] else None
    said = [*(f"{line} (mended)" for line in probed(mended)), *probed(last)]
    if facing["kinks"]:  # which say it better than the gradient of all
        said = [*kinks(facing), *(line for line in said if "gradient of" not in line)]
    return [*said, *([facing["why_apart"]] if facing["why_apart"] else [])]


def _agrees(kink: KinkForm) -> bool:
    port = kink["port"] if kink["port"] is not None else kink["adapted"]
    return port is None or port == kink["reference"]


def _kink(one: KinkForm) -> str:
    port = one["port"] if one["port"] is not None else one["adapted"]
    text = f"slope at {float(one['at']):g}: {_entry(one['reference'])} in torch, {_entry(port)} in JAX"
    changed = one["port"] is not None and one["adapted"] is not None and one["adapted"] != one["port"]
    return text + (f", {_entry(one['adapted'])} adapted" if changed else "")


def _probe(one: ProbedForm) -> str:
    where = PROBES[one["probe"]]
    if one["reference"] is None:
        return f"{where}: {one['what']}"
    return f"{where}: {one['what']} {_entry(one['reference'])} in torch, {_entry(one['port'])} in JAX"


def _entry(value: Number | None) -> str:
    return "nothing" if value is None else f"{float(value):.4g}"


def _size(value: Number) -> str:
    return f"{float(value):.1e}" if float(value) < 1e-2 else f"{float(value):.2g}"
