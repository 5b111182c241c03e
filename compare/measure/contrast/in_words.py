"""What the figures of one pair say, in sentences: each number in them is one that was counted here."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from compare.measure.contrast.facing import (
    CONSTANT,
    ENGINE,
    FUSED,
    LAYOUT,
    LEAF,
    LOOP,
    RANDOM,
    REPEATED,
    UNASKED,
    UNTAPED,
    UNUSED,
    ZERO,
)
from compare.measure.contrast.kept_arrays import Kept
from compare.measure.contrast.words_of_compilers import compiled
from compare.verdict.bytes_in_words import size
from compare.verdict.counted import agreed, counted

if TYPE_CHECKING:
    from compare.measure.contrast.contrast import Contrast

LARGEST = 3  # rows that a sentence names


def in_words(made: "Contrast") -> list[str]:
    """What is recorded, how the two face each other, what is kept and why, and where a byte could be saved."""
    parts = (_recorded, _facing, _bridge, _kept, compiled, _could_be_saved, _cannot)
    return [line for part in parts for line in part(made)]


def _recorded(made: "Contrast") -> Iterator[str]:
    nodes = Counter(node.why for node in made.tape)
    leaves, moved = nodes[LEAF], nodes[LAYOUT]
    yield (
        f"The tape has {counted(len(made.tape), 'node')}, written while the forward pass ran: "
        f"{agreed(len(made.tape) - leaves - moved, 'computes', 'compute')}, "
        f"{agreed(moved, 'only moves numbers', 'only move numbers')}, "
        f"{agreed(leaves, 'adds to a .grad', 'add to a .grad')}."
    )
    halves = Counter(one.half for one in made.equations)
    whys = Counter(one.why for one in made.equations)
    idle = {
        CONSTANT: ("depends on nothing that enters", "depend on nothing that enters"),
        UNUSED: (
            "is needed by no result, and a compiler leaves it out",
            "are needed by no result, and a compiler leaves them out",
        ),
        LAYOUT: ("only moves numbers", "only move numbers"),
        RANDOM: ("draws random numbers", "draw random numbers"),
        LOOP: ("is a loop, whose body is listed", "are loops, whose bodies are listed"),
        REPEATED: ("makes again what an earlier one made", "make again what earlier ones made"),
        UNTAPED: ("leads from no parameter to the loss", "lead from no parameter to the loss"),
        UNASKED: (
            "is of a gradient that the reference does not ask for",
            "are of gradients that the reference does not ask for",
        ),
        ZERO: ("makes a gradient that is zero but for rounding", "make gradients that are zero but for rounding"),
    }
    parts = [agreed(whys[why], *words) for why, words in idle.items() if whys[why]]
    yield (
        f"The function is traced to {counted(halves['loss'], 'equation')} for the loss and {halves['gradient']:,} more "
        f"for its gradient" + (f"; of all of them {'; '.join(parts)}." if parts else ".")
    )
    if loops := [one for one in made.equations if one.times > 1]:
        most = max(one.times for one in loops)
        yield (
            f"{agreed(len(loops), 'of the equations is', 'of the equations are')} in the body of a loop, listed once "
            f"and run up to {counted(most, 'time')}."
        )


def _facing(made: "Contrast") -> Iterator[str]:
    for what, rows in (("node of the tape", made.tape), ("other equation", made.equations)):
        whys = [row.why for row in rows]
        faced, alone = whys.count("") + whys.count(ENGINE), whys.count(FUSED)
        if faced + alone:
            share = f"({100 * faced // (faced + alone)} %)"  # 100 % is all of them
            which = what if faced + alone == 1 else what.replace("node", "nodes").replace("equation", "equations")
            computing = " that computes" if faced + alone == 1 else " that compute"
            computing = computing if rows is made.tape else ""
            yield (
                f"Of the {faced + alone} {which}{computing}, {agreed(faced, f'{share} faces', f'{share} face')} "
                "something that makes the same numbers on the other side."
            )
    several = [at for at, node in enumerate(made.tape) if len(node.loss) > 1]
    if not several:
        return
    most = max(several, key=lambda at: len(made.tape[at].loss))
    node = made.tape[most]
    # Of the groups that it is of, the one that makes what it faces in the loss.
    group = max(
        (nodes for nodes, equations in made.groups if most in nodes and set(equations) & set(node.loss)),
        key=lambda nodes: sum(made.tape[at].loss == node.loss for at in nodes),
        default=(most,),
    )
    beside = [made.tape[at] for at in group if made.tape[at].loss == node.loss]
    named = [f"{one.name}{_of(one.path)}" for one in beside[:LARGEST]]
    if len(beside) < 2:
        yield f"One node can face several equations: {named[0]} faces {len(node.loss)} of the loss."
        return
    more = f" and {len(beside) - LARGEST} more" if len(beside) > LARGEST else ""
    yield (
        f"Several nodes can face several equations, as a group: {', '.join(named[:-1])} and {named[-1]}{more} face "
        f"{len(node.loss)} of the loss."
    )


def _bridge(made: "Contrast") -> Iterator[str]:
    """The same program with no tape, between the two."""
    if made.bridge_message:
        yield f"torch.func does not take the reference: there is no program of it without a tape. {made.bridge_message}"
    if not made.bridge:
        return
    halves, whys = Counter(row.half for row in made.bridge), Counter(row.why for row in made.bridge)
    faced = whys[""] + whys[ENGINE]
    share = f"{100 * faced // (faced + whys[FUSED])} %" if faced else "none"
    yield (
        f"torch.func, traced by make_fx, makes of the reference one program with no tape: "
        f"{counted(halves['loss'], 'operation')} for the loss and {halves['gradient']:,} more for its gradient; of "
        f"those that compute {agreed(faced, f'({share}) makes', f'({share}) make')} numbers that the tape's nodes "
        "make too."
    )


def _kept(made: "Contrast") -> Iterator[str]:
    saved = [kept for node in made.tape for kept in node.saved]
    shared = sum({one.same_as: one.bytes for one in saved if one.same_as}.values())  # each memory once
    again = sum(one.again for one in saved)
    yield (
        f"The tape keeps {size(made.tape_bytes)} that live only because of it"
        + (f", and points at {size(shared)} of parameters and inputs that live anyway" if shared else "")
        + (f"; {counted(again, 'tensor')} of a checkpoint will be made again" if again else "")
        + "."
    )
    copies = f", and {size(made.copied_bytes)} that are copies of parameters or inputs" if made.copied_bytes else ""
    yield (
        f"jax.vjp, op by op, keeps {size(made.residual_bytes)}{copies}: outside jit each operation returns an array of "
        "its own, a reshape too."
        if made.copied_bytes
        else f"jax.vjp, op by op, keeps {size(made.residual_bytes)}."
    )
    nodes = [(kept, f"{node.name}{_of(node.path)}") for node in made.tape for kept in node.saved]
    yield from _alone("The tape alone keeps", nodes)
    yield from _alone("The function alone keeps", [(kept, f"{kept.name}{_at(kept.place)}") for kept in made.residuals])


def _alone(begin: str, rows: Sequence[tuple[Kept, str]]) -> Iterator[str]:
    """The largest arrays whose values the other side does not keep, those that are alike in one."""
    found: dict[str, list[Kept]] = {}
    for kept, whose in rows:
        if kept.own_bytes and not kept.both and not kept.copy_of:
            found.setdefault(f"{_array(kept)} of {whose}", []).append(kept)
    own = sorted(found.items(), key=lambda row: -sum(kept.own_bytes for kept in row[1]))
    if own:
        named = ", ".join(
            what if len(same) == 1 else f"{len(same)} x {what.replace(_array(same[0]), _array(same[0], ' each'), 1)}"
            for what, same in own[:LARGEST]
        )
        rest = sum(kept.own_bytes for _, same in own[LARGEST:] for kept in same)
        yield f"{begin} {named}" + (f", and {size(rest)} more." if rest else ".")


def _could_be_saved(made: "Contrast") -> Iterator[str]:
    nodes = [(kept, node) for node in made.tape for kept in node.saved if kept.own_bytes]
    if nodes:
        kept, node = max(nodes, key=lambda row: row[0].own_bytes)
        made_by = f", made{f' by {kept.by}' if kept.by else ''}{_at(kept.place)}," if kept.by or _at(kept.place) else ""
        layers = list(dict.fromkeys(filter(None, (kept.by, node.path))))
        outer = [one for one in layers if not any(one.startswith(f"{other}.") for other in layers)]
        around = " and ".join(outer) if outer else "what makes and what uses it"
        yield (
            f"The largest array of the tape's own, {_array(kept)}{made_by} is kept by {node.name}{_of(node.path)}: a "
            f"torch.utils.checkpoint around {around} would make it again instead."
        )
    own = [kept for kept in made.residuals if kept.own_bytes]
    if constants := [kept for kept in own if kept.constant and prod(kept.shape) > 1]:
        whole, most = sum(kept.own_bytes for kept in constants), max(constants, key=lambda kept: kept.own_bytes)
        if whole >= 1024:
            yield f"{size(whole)} of the residuals hold one number over and over, most of it{_at(most.place)}."
    if rest := [kept for kept in own if not (kept.constant or kept.copy_of)]:
        most = max(rest, key=lambda kept: kept.own_bytes)
        yield (
            f"The largest residual that is computed, {_array(most)}, comes of {most.name}{_at(most.place)}: a "
            "jax.checkpoint around what makes and what uses it would make it again instead."
        )


def _array(kept: Kept, each: str = "") -> str:
    constant = ", one number over and over" if kept.constant and prod(kept.shape) > 1 else ""
    return f"{kept.dtype}[{','.join(map(str, kept.shape))}] ({size(kept.own_bytes)}{each}{constant})"


def _of(path: str) -> str:
    return f" of {path}" if path else ""


def _at(place: str) -> str:
    return f" at {place}" if place and ":" in place else ""


def _cannot(made: "Contrast") -> Iterator[str]:
    """What one of the two cannot do with this pair, or not by the plain way, where that was run."""
    for side, name in (("reference", "PyTorch"), ("port", "JAX")):
        rows = [(row, getattr(row, side)) for row in made.capabilities if row.on_pair]
        raised = [row.title for row, cell in rows if cell.outcome == "raises"]
        other = [row.title for row, cell in rows if cell.outcome == "works with other code"]
        if raised:
            yield f"With this pair {name} raises at: {', '.join(raised)}."
        if other:
            yield f"With this pair {name} takes other code for: {', '.join(other)}."
