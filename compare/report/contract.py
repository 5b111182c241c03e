"""The JSON of ``jaxport verify`` as types: the keys that others may build on, and that the terminal reads.

There are further keys (all of a judgement's numbers, say), which may change; these stay. See ``compare.report.form``.
The files of ``schema/`` are written from these types (``scripts/make_schemas.py``). A key that goes, or that comes to
mean something else, makes another version of the contract: another ``schema``.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Form = Mapping[str, Any]  # of results whose keys nothing is promised of
Number = float | Literal["nan", "inf", "-inf"]  # a word where it is not finite
Entry = Number | tuple[Number, Number]  # of an array; a complex one by its real and imaginary part
VerdictWord = Literal["match", "float32_only", "incomplete", "mismatch", "invalid"]
Version = Literal[1]  # of the contract


class EnvironmentForm(TypedDict):
    """What the figures depend on: the machine, the versions, the precision policy as it was set and as a product
    shows it."""

    device: str
    device_name: str
    python: str
    system: str
    processor: str
    cores: int | None
    versions: dict[str, str]
    precision_policy: dict[str, str]
    product_error: dict[str, float]
    torch_threads: int | str
    jax_preallocates: str


class WorstForm(TypedDict):
    """The entry that is furthest apart: a number each, or two, the real and the imaginary part."""

    index: list[int]
    reference: Entry
    port: Entry


class QuantityForm(TypedDict):
    """One quantity on one probe, judged."""

    name: str
    kind: str
    probe: str
    verdict: VerdictWord
    gap: Number
    allowed: Number
    error_reference: Number
    error_port: Number
    scale: Number
    bits_reference: float
    bits_port: float
    worst: WorstForm | None
    detection_limit: Number
    kink: bool
    reason: str


class DifferenceForm(TypedDict):
    """The first difference: on which probe, in which direction, and the path and line of both sides."""

    direction: str
    reference: str
    port: str
    quantity: str
    probe: str
    mode: str
    place_reference: str
    place_port: str
    more: int


class CauseForm(TypedDict):
    """One cause with its evidence: ``read`` on both sides, tried (``counterfactual``), or ``both``."""

    where: str
    where_port: str
    places: int
    setting: str
    text: str
    evidence: str
    before: Number
    after: Number
    certain: bool
    reopens: NotRequired[Number | None]  # what was written before there was one stays valid


class BranchForm(TypedDict):
    """One module of the tree: how it is reached forward and backward, and the relative gaps where it was measured."""

    reference: str
    port: str
    forward: str
    backward: str
    gap_forward: Number
    gap_backward: Number


class ExplanationForm(TypedDict):
    """Where and why, in words."""

    sentence: str
    size: str
    settings: list[str]
    observed: list[str]
    excluded: list[str]
    closed: tuple[Number, Number] | None
    still_differ: list[str]
    notes: list[str]


class CoverageForm(TypedDict):
    """The certificate of what was compared."""

    counts: dict[str, int]
    parameters: int
    not_compared: list[str]
    drawn: list[str]
    constants: list[str]
    frozen: list[str]
    accepted: NotRequired[list[str]]  # what was written before there was any stays valid
    overwritten: NotRequired[list[str]]
    left_out: dict[str, int]
    uninformative: list[str]
    probes: list[str]
    skipped: dict[str, str]


class TeethForm(TypedDict):
    """The certificate of what the checks would have caught."""

    mutants: list[str]
    caught: dict[str, list[str]]
    toothless: list[str]


class EnvelopeForm(TypedDict):
    """The drift of the float32 steps beside what reordering alone does to the reference."""

    drift: Number
    noise: Number
    steps: int
    by: str


class RuleForm(TypedDict):
    """The update rule, judged apart from the model: over how many steps, in how many of them a clip acted, after which
    the learning rate jumped, up to which schedules were compared as functions, and the first that differs.

    ``verdict`` is null where it was not judged; ``text`` says all of it, and ``not_seen`` what was not.
    """

    verdict: VerdictWord | None
    text: str
    steps: int
    clipped: int
    milestones: list[int]
    schedules: int
    differs: int | None
    not_seen: list[str]


class PrecisionForm(TypedDict):
    """A side that computes less precisely than the other: where it loses the most, and what it likely is."""

    side: str
    quantity: str
    probe: str
    bits_reference: float
    bits_port: float
    ratio: float
    quantities: int
    likely: str


class WeightLineForm(TypedDict):
    """One array of a side that came with weights of its own: of which arrays of the other side it is made, and what it
    is beside what those make it (``text`` says all of it). Where the map is not ``sure`` of it, it does not count."""

    name: str
    sources: list[str]
    kind: Literal[
        "equal", "rounded", "transposed", "permuted", "reshaped", "scaled", "another line's", "summand", "constant",
        "missing", "another value",
    ]  # fmt: skip
    text: str
    sure: NotRequired[bool]  # what was written before it could be told stays valid


class WeightsForm(TypedDict):
    """The weights that one side came with, beside the other's, the ``original``'s.

    ``judged`` is false where none is the original's in whatever form, unless all are equal constants; ``right`` is null
    there. ``asked``: whether it counts against the pair.
    """

    original: Literal["reference", "port"]
    asked: bool
    judged: bool
    right: bool | None
    answer: str
    lines: list[WeightLineForm]
    left_over: list[str]
    notes: list[str]


class MeshForm(TypedDict):
    """Of a port that was run on a mesh: its axes with their sizes, how every leaf and every array of the batch is
    spread (``P(None, model)``, or ``whole``), how often each collective is run in one call of the compiled program of
    outputs and gradients, and the axes that nothing uses."""

    axes: str
    devices: str
    leaves: dict[str, str]
    inputs: dict[str, str]
    collectives: dict[str, int]
    unused: list[str]


class StepInProcessesForm(TypedDict):
    """One training step of the reference in several processes: the quantity that is closest to its tolerance, or
    furthest beyond it."""

    step: int
    verdict: VerdictWord
    worst: str
    gap: Number
    allowed: Number


class ProcessesForm(TypedDict):
    """Of a pair that several processes trained on either side: how many, what became of the reference under
    ``DistributedDataParallel`` in each step, held against one process, and why; and the port's own verdict."""

    processes: int
    verdict: VerdictWord
    steps: list[StepInProcessesForm]
    cause: str
    port: VerdictWord


class PairForm(TypedDict):
    """One pair."""

    pair: str
    title: str
    verdict: VerdictWord
    device: str
    dtype: str
    quantities: list[QuantityForm]
    precision: PrecisionForm | None
    lowered: NotRequired[str]
    first_difference: DifferenceForm | None
    causes: list[CauseForm]
    tree: list[BranchForm]
    explanation: ExplanationForm | None
    coverage: CoverageForm
    teeth: TeethForm
    weight_map: list[str]
    notices: list[str]
    envelope: EnvelopeForm | None
    update_rule: NotRequired[RuleForm | None]  # what was written before there was one stays valid
    loader: NotRequired[list[str]]
    weights: NotRequired[WeightsForm | None]
    mesh: NotRequired[MeshForm | None]
    processes: NotRequired[ProcessesForm]


class VerifyForm(TypedDict):
    """All that ``jaxport verify --json`` writes."""

    schema: Version
    verdict: VerdictWord
    environment: EnvironmentForm
    pairs: list[PairForm]


class WeightsOfPairForm(TypedDict):
    """All that ``jaxport weights --json`` writes."""

    schema: Version
    environment: EnvironmentForm
    pair: str
    title: str
    loader: list[str]
    weights: WeightsForm
