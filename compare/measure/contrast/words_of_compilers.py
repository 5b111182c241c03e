"""What compilers make of tape and function, in sentences: each number is one that was counted or measured."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compare.measure.contrast.fates import AGAIN, ALONE, DEAD, DUPLICATE, FOLDED, FUSED, IN_PLACE, REWRITTEN, RUN, Fates
from compare.verdict.bytes_in_words import size
from compare.verdict.counted import agreed, counted

if TYPE_CHECKING:
    from compare.measure.contrast.contrast import Contrast


def compiled(made: "Contrast") -> Iterator[str]:
    """What compilers make of both, where that was measured."""
    costs, tape = made.costs, made.tape_bytes
    if costs is None:
        return
    if costs.temporaries is not None:
        times = _beside(costs.temporaries, tape, "the tape")
        less = ": less than the copies alone that op by op makes" if made.copied_bytes > costs.temporaries else ""
        kernels = f"run in {counted(costs.kernels, 'kernel')} and " if costs.kernels is not None else ""
        yield (
            f"Compiled, value and gradient {kernels}need {size(costs.temporaries)} of temporaries at most{times}{less}."
        )
        if costs.workspace:
            yield (
                f"Beside them the kernel of a convolution takes {size(costs.workspace)} at most, to copy what it "
                "reads: XLA's plan does not hold that."
            )
    if costs.aot is not None:
        times = _beside(costs.aot, tape, "the eager tape")
        yield f"Under torch.compile {size(costs.aot)} wait for the backward pass{times}."
    seconds = costs.seconds
    once = (seconds.traced + seconds.compiled) / seconds.run
    if seconds.plain and seconds.plain_again:
        recording, noise = seconds.recorded / seconds.plain - 1, abs(seconds.plain_again / seconds.plain - 1)
        much = f"{100 * recording:.0f} %" if recording > noise else "no more than noise"
        yield f"Recording adds {much} to the loss's processor time in every step."
    yield f"JAX traces and compiles once, which takes as long as {once:,.0f} of its steps."
    if made.fates:
        yield from _fate("torch.compile", "operation", made.fates[0])
        yield from _fate("jit", "equation", made.fates[1])
    yield from _again(made)


def _beside(count: int, tape: int, what: str) -> str:
    """How many times the tape it is; nothing of a tape that keeps nothing."""
    if not tape:
        return ""
    times = f"{count / tape:.1f}"
    return f", about as much as {what}" if times == "1.0" else f", {times} times {what}"


def _fate(compiler: str, what: str, fates: Fates) -> Iterator[str]:
    """What one compiler left of it."""
    if fates.message:
        yield f"{compiler} does not take this: {fates.message}"
        return
    if not fates.traced:
        beside = f", but for {counted(fates.kernels, 'kernel')} of its own" if fates.kernels else ""
        yield f"{compiler} traces nothing of this that has a gradient, which runs as it does without it{beside}."
        return
    count = {kind: len(names) for kind, names in fates.by_kind.items()}
    gone = {
        DEAD: ("is needed by no result and left out", "are needed by no result and left out"),
        DUPLICATE: ("repeats another and is left out", "repeat another and are left out"),
        FOLDED: (
            "depends on nothing that enters and is made while compiling",
            "depend on nothing that enters and are made while compiling",
        ),
        IN_PLACE: ("only moves numbers and is read in place", "only move numbers and are read in place"),
        REWRITTEN: ("has gone into another", "have gone into others"),
    }
    parts = [agreed(count[kind], *words) for kind, words in gone.items() if kind in count]
    rest = sum(count.get(kind, 0) for kind in (FUSED, ALONE, RUN))
    kernels = f" in {counted(fates.kernels, 'kernel')}" if fates.kernels is not None else ""
    again = f", {count[AGAIN]} of them a second time in the backward pass" if AGAIN in count else ""
    parts.append(f"{agreed(rest, 'runs', 'run')}{kernels}{again}")
    yield f"Of the {counted(fates.traced, what)} that {compiler} traces: {'; '.join(parts)}."


def _again(made: "Contrast") -> Iterator[str]:
    """What it saves to make activations again."""
    if made.costs is None or len(made.costs.checkpoints) < 2:
        return
    plain, whole = made.costs.checkpoints[0], made.costs.checkpoints[-1]
    if None not in (plain.tape, whole.tape, plain.residuals, whole.residuals):
        yield (
            f"With {whole.what} made again the tape keeps {size(whole.tape or 0)} between the passes, where it kept "
            f"{size(plain.tape or 0)}; jax.vjp, op by op and with copies, {size(whole.residuals or 0)} where it "
            f"kept {size(plain.residuals or 0)}."
        )
    if plain.temporaries is not None and whole.temporaries is not None:
        change = f"{100 * (whole.temporaries / (plain.temporaries or 1) - 1):+.0f} %"
        as_many = whole.temporaries == plain.temporaries or change in ("+0 %", "-0 %")
        before = "about as many as without" if as_many else f"where it took {size(plain.temporaries)} ({change})"
        yield (
            f"Compiled, the same takes {size(whole.temporaries)} of temporaries, {before}: XLA decides anew what lives "
            "when."
        )
