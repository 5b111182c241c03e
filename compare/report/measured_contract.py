"""The JSON of the commands that measure, as types: ``train``, ``contrast``, ``bench``, and the main job with all three.

As in ``compare.report.contract``, these keys stay, and there may be more.
"""

from typing import Literal, NotRequired, TypedDict

from compare.report.contract import EnvironmentForm, Form, Number, VerdictWord, VerifyForm, Version

# Why a node or an equation faces nothing; empty where it faces something.
Reason = Literal[
    "", "leaf", "layout", "constant", "random", "unused", "loop", "repeated", "untaped", "unasked", "engine", "zero",
    "fused",
]  # fmt: skip


class PlanForm(TypedDict):
    """How long both sides are trained: ``epochs`` passes in batches of ``batch`` rows."""

    epochs: int
    batch: int
    seed: int


class StepForm(TypedDict):
    """One training step, judged: losses before it, and distances of parameters over the parameters' size."""

    epoch: int
    step: int
    loss_reference: Number
    loss_port: Number
    loss_gap_64: Number
    verdict: VerdictWord
    worst: str
    used: Number
    sees: Number
    drift_32: Number
    drift_64: Number
    envelope: Number
    departure: Number
    gates_32: int
    gates_64: int
    gates_departure: int
    skipped_reference: NotRequired[bool]  # not there in older results, in which nothing was skipped
    skipped_port: NotRequired[bool]


class EpochForm(TypedDict):
    """The share of test images that each run classifies correctly after an epoch."""

    epoch: int
    reference_32: float
    port_32: float
    reference_64: float
    port_64: float


class FlipForm(TypedDict):
    """The first ReLU gate that two runs set differently, with both pre-activations."""

    step: int
    image: int
    unit: int
    left: Number
    right: Number


class DriftForm(TypedDict):
    """Where, when and why the float32 runs drift apart, and what would have been seen, in words."""

    where: str
    when: str
    why: str
    sees: str


class TrainForm(TypedDict):
    """All that ``jaxport train --json`` writes."""

    schema: Version
    verdict: VerdictWord
    environment: EnvironmentForm
    data: str
    device: str
    plan: PlanForm
    steps: list[StepForm]
    epochs: list[EpochForm]
    drift_by_parameter: dict[str, dict[str, Number]]
    first_flip: FlipForm | None
    first_departure: FlipForm | None
    first_failure: str
    drift: DriftForm
    recipe: NotRequired[str]  # its name, and what it is in words; empty, and not there in older results, where none is
    trained_by: NotRequired[str]


class KeptForm(TypedDict):
    """One array kept for the backward pass: whose memory it is, whose copy, which row has it already, whether it is
    made again instead, holds one number only, and is kept by the other side too."""

    name: str
    shape: list[int]
    dtype: str
    bytes: int
    same_as: str
    copy_of: str
    earlier: int | None
    again: bool
    constant: bool
    by: str
    place: str
    both: bool
    moment: float


class NodeForm(TypedDict):
    """One node of the tape: what it saved, and the equations that face it, of the loss and of the
    gradient; ``gives``: the nodes that it hands gradients to."""

    name: str
    leaf: str
    path: str
    place: str
    saved: list[KeptForm]
    loss: list[int]
    gradient: list[int]
    why: Reason
    gives: list[int]


class EquationForm(TypedDict):
    """One equation, the nodes that it faces, and the equations whose results it takes."""

    name: str
    made: str
    path: str
    place: str
    half: Literal["loss", "gradient"]
    times: int
    nodes: list[int]
    why: Reason
    takes: list[int]


class CellForm(TypedDict):
    """One way on one side: what became of the code, what the plain way raised or what is not here to run it on, and the
    processor seconds of a call (0 where it raises, and on a GPU)."""

    outcome: Literal["works", "works with other code", "raises", "not run"]
    message: str
    code: str
    seconds: float


class CapabilityForm(TypedDict):
    """One row of what each way can do; ``verdict`` is the judge's on what both returned, ``ratio`` the reference's
    processor time over the port's, where that is a match and no GPU does the work."""

    name: str
    title: str
    on_pair: bool
    reference: CellForm
    port: CellForm
    verdict: VerdictWord | Literal[""]
    ratio: float | None


class SecondsForm(TypedDict):
    """Processor seconds: of PyTorch the loss without a tape, measured twice (null where it raises), with one, and
    ``backward()``; of JAX tracing, compiling, and a call."""

    plain: float | None
    recorded: float
    backward: float
    traced: float
    compiled: float
    run: float
    plain_again: NotRequired[float | None]  # what was written before the noise was measured stays valid


class AgainForm(TypedDict):
    """Bytes that live for the backward pass where so much is made again: because of the tape, of ``jax.vjp`` op by op,
    and in the compiled program at once; null where a side raises."""

    what: str
    tape: int | None
    residuals: int | None
    temporaries: int | None


class FatesForm(TypedDict):
    """What a compiler made of each operation: their names by kind, how many were traced, the kernels of a call (null
    where they are not known), and what was raised."""

    by_kind: dict[str, list[str]]
    traced: int
    kernels: int | None
    message: str


class BoundaryForm(TypedDict):
    """The values that enter a group, and the one that both sides make of them."""

    takes: list[str]
    gives: str


class BridgeRowForm(TypedDict):
    """One operation of the reference's loss and gradient as ``torch.func`` has them, and the nodes that it faces."""

    name: str
    made: str
    half: Literal["loss", "gradient"]
    nodes: list[int]
    why: Reason


class CostsForm(TypedDict):
    """Bytes that live for the backward pass where a compiler decides: what AOTAutograd saves (null where it raises),
    what XLA's program needs at once, what it still reads when the loss is written, the same where activations are made
    again (older results have ``again``, the temporaries with the whole loss made again); kernels; time; ``workspace``:
    what a convolution's kernel may take beside the temporaries."""

    aot: int | None
    aot_message: str
    temporaries: int | None
    at_loss: int
    again: NotRequired[int | None]
    checkpoints: NotRequired[list[AgainForm]]
    kernels: int | None
    seconds: SecondsForm
    workspace: NotRequired[int]


class ContrastForm(TypedDict):
    """All that ``jaxport contrast --json`` writes. A node, an equation is named by its position; a group is the nodes
    and the equations between values that both sides have, which its boundary names. ``fates`` are those of
    ``torch.compile`` and of ``jit``, where costs were asked for. Older results have no boundaries, bridge and fates."""

    schema: Version
    environment: EnvironmentForm
    pair: str
    title: str
    device: str
    loss_reference: Number
    loss_port: Number
    tape: list[NodeForm]
    equations: list[EquationForm]
    residuals: list[KeptForm]
    groups: list[tuple[list[int], list[int]]]
    boundaries: NotRequired[list[BoundaryForm]]
    bridge: NotRequired[list[BridgeRowForm]]
    bridge_message: NotRequired[str]
    fates: NotRequired[tuple[FatesForm, FatesForm] | None]
    tape_bytes: int
    residual_bytes: int
    copied_bytes: int
    words: list[str]
    capabilities: list[CapabilityForm]
    costs: CostsForm | None


class RatioForm(TypedDict):
    """How many times as fast as the baseline, with a 95 % interval; ``word`` is empty where torch is timed twice."""

    value: float
    low: float
    high: float
    word: Literal["FAST", "SLOW", "SAME", "AMBIGUOUS", ""]


class SpreadForm(TypedDict):
    """Seconds for a training step: the median of the processes' medians, and the quartiles of all rounds."""

    median: float
    lower: float
    upper: float


class CountsForm(TypedDict):
    """What a step is made of, each of one step: operations as it is written, kernels as it is compiled, operations on
    floats in its products by one formula and as its own framework counts them, bytes at their peak in a call, what
    torch's compiler took it apart into, programs compiled in warm calls."""

    operations: float | None
    kernels: float | None
    flops: float | None
    flops_counted: float | None
    memory: int | None
    graphs: int
    breaks: int
    recompiles: int


class SpentForm(TypedDict):
    """Shares of a step's wall time, and how many times as long it takes while a profile watches it."""

    products: float
    others: float
    dispatch: float
    gaps: float
    slowed: float


class RowForm(TypedDict):
    """One row of the benchmark: seconds for a training step; what was not measured is null.

    ``stopped`` has each gate that stopped it with its sentence; ``samples`` of each process the wall and processor
    seconds of every round. ``median`` and ``quartiles`` are those of ``wall``. Older results have no ``counts`` and no
    ``spent``.
    """

    name: str
    side: str
    verdict: VerdictWord
    reason: str
    stopped: dict[str, str]
    marks: list[str]
    steps_per_call: int
    explains: bool
    calls: int
    wall: SpreadForm | None
    processor: SpreadForm | None
    median: float | None
    quartiles: tuple[float, float] | None
    compile: float | None
    stages: dict[str, float]
    warm: float | None
    against_eager: RatioForm | None
    by_processor: RatioForm | None
    above_floor: float | None
    break_even: Number | None
    gradient_error: Number | None
    samples: list[tuple[list[float], list[float]]]
    counts: NotRequired[CountsForm | None]
    spent: NotRequired[SpentForm | None]


class HeadlineForm(TypedDict):
    """What may be quoted: how many times as fast ``row`` is as ``baseline``, one of PyTorch's answers."""

    against: str
    row: str
    baseline: str
    by_wall: RatioForm
    by_processor: RatioForm


class BenchForm(TypedDict):
    """All that ``jaxport bench --json`` writes. Where ``unpublished`` says why, there is no ratio."""

    schema: Version
    environment: EnvironmentForm
    steps_in_a_scan: int
    pair: str
    title: str
    device: str
    precision: str
    batches: int
    batch: int | None
    threads: int
    processors: dict[str, float]
    processes: int
    rounds: int
    noise: float | None
    unpublished: str
    repeated: int
    floor: str
    floors: dict[str, SpreadForm]
    rows: list[RowForm]
    headlines: list[HeadlineForm]
    seed: int
    forced: bool
    blocks: int
    blind: bool


class SizeForm(TypedDict):
    """One size of a sweep: null where the pair has its own."""

    batch: int
    width: int | None
    depth: int | None
    bench: BenchForm


class SweepForm(TypedDict):
    """What ``jaxport bench --sweep`` keeps: the sizes that are measured, of so many planned."""

    schema: Version
    environment: EnvironmentForm
    pair: str
    asked: Form
    planned: int
    sizes: list[SizeForm]


class ChangedForm(TypedDict):
    """One row of two runs: seconds for a step in each, and how many times as fast the second is."""

    name: str
    before: float
    after: float
    by_wall: RatioForm
    by_processor: RatioForm


class TwoRunsForm(TypedDict):
    """What ``jaxport bench --compare`` writes; ``versions`` are those that differ, ``only`` the rows of one run."""

    schema: Version
    rows: list[ChangedForm]
    versions: dict[str, tuple[str, str]]
    noise: float
    only: list[str]


class MainJobForm(TypedDict):
    """All that ``jaxport --json`` writes; the benchmark is null where it could not run."""

    schema: Version
    verify: VerifyForm
    train: TrainForm
    contrast: ContrastForm
    bench: BenchForm | None
