"""A checkpoint from one framework to the other, through the weight map of a pair."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.made import Made
from compare.checkpoints.array_form import array_from_form, array_to_form
from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.json_file import strict_json, write_json
from compare.checkpoints.training_names import fitted_names
from compare.errors import UsageError
from compare.weights.own.own_weights import OTHER_SIDE, OwnValues, Side
from compare.weights.weights import WeightMap
from compare.weights.when_asked import arrays_made, leaves_made

if TYPE_CHECKING:
    from compare.pair.pair import Pair
    from compare.pair.prepared import Prepared

SCHEMA = 1
FEW = 5  # names in a note


@dataclass(frozen=True)
class Conversion:
    """All that turns a checkpoint of either side into one of the other; it can be saved, and needs no framework.

    Attributes:
        weight_map: the lines.
        shapes: of the reference's mapped arrays by name; leaves: of the port's by path.
        aliases: further names of tied arrays of the reference, and the name under which the map has them.
        constants: the reference's arrays without a counterpart: dtype, shape and values as the model makes them.
        port_constants: the same of the port's leaves.
        numbers: of the arrays of both sides that are no floats, by name or path, what they are: "integer", "boolean" or
            "complex". None in a map that was saved before it was noted: then it is not checked.
        notes: what is worth saying about the map.
    """

    weight_map: WeightMap
    shapes: dict[str, tuple[int, ...]]
    leaves: dict[str, tuple[int, ...]]
    aliases: dict[str, str]
    constants: Arrays
    port_constants: Arrays
    numbers: dict[str, str] | None = None
    notes: tuple[str, ...] = ()

    def converted(self, checkpoint: Checkpoint, when_asked: bool = False) -> tuple[Checkpoint, list[str]]:
        """The checkpoint of the other side, and what is worth saying about it.

        Args:
            when_asked: each array is made when it is asked for, and not kept.

        One-to-one lines are bit-identical there and back, in every dtype. Constants without a counterpart are taken
        from the model, since the other side's file does not hold them.

        Raises:
            UsageError: the checkpoint does not fit the model: an array is missing, left over, of another shape, or of
                integers or complex numbers where the model has floats.
        """
        side = self.side_of(checkpoint.arrays, checkpoint.side)
        arrays, notes = self._carried(side, checkpoint.arrays)
        held = arrays if when_asked else _held(arrays, self.aliases if side == "port" else {})
        return Checkpoint(OTHER_SIDE[side], checkpoint.format, held), notes

    def carried(self, side: Side, arrays: Mapping[str, np.ndarray]) -> tuple[Arrays, list[str]]:
        """The arrays of ``side`` as the other one's, and what is worth saying about it.

        Raises:
            UsageError: as ``converted`` does.
        """
        carried, notes = self._carried(side, arrays)
        return _held(carried, self.aliases if side == "port" else {}), notes

    def _carried(self, side: Side, arrays: Mapping[str, np.ndarray]) -> tuple[Made[np.ndarray], list[str]]:
        carried, notes = self._to_port(arrays) if side == "reference" else self._to_reference(arrays)
        return carried, [*self.notes, *notes]

    def side_of(self, names: Mapping[str, object], likely: Side) -> Side:
        """The ``likely`` side, unless more of the names fit the other: a port's may have dots for slashes."""
        fitting: dict[Side, int] = {}
        for side in (likely, OTHER_SIDE[likely]):
            known = self.names_of(side)
            fitting[side] = sum(name in known for name in fitted_names(names, known).arrays)
        return max(fitting, key=lambda side: fitting[side])  # the first of two alike

    def names_of(self, side: Side) -> set[str]:
        """Every name that a checkpoint of that side may have."""
        if side == "port":
            return {*self.leaves, *self.port_constants}
        return {*self.shapes, *self.aliases, *self.constants}

    def values(
        self, reference: Mapping[str, np.ndarray], port: Mapping[str, np.ndarray], accepted: Collection[str] = ()
    ) -> OwnValues:
        """Weights of both sides, as they are in files or models, under the names of the map.

        Args:
            reference, port: of either side, by whatever names they have there.
            accepted: names of either that have no counterpart, and whose values are looked at too.
        """
        fitted = {
            "reference": fitted_names(reference, self.names_of("reference")),
            "port": fitted_names(port, self.names_of("port")),
        }
        own = dict(fitted["reference"].arrays)
        own |= {name: own[alias] for alias, name in self.aliases.items() if alias in own and name not in own}
        return OwnValues(
            {name: own[name] for name in self.shapes if name in own},
            {path: fitted["port"].arrays[path] for path in self.leaves if path in fitted["port"].arrays},
            self.shapes,
            self.leaves,
            {side: found.left_over for side, found in fitted.items()},
            {side: found.notes for side, found in fitted.items()},
            {
                side: {name: (own[name], fitted[side].arrays.get(name)) for name in accepted if name in own}
                for side, own in (("reference", self.constants), ("port", self.port_constants))
            },
        )

    def check_tied(self, side: Side, arrays: Mapping[str, np.ndarray]) -> None:
        """Refuse copies of one array that differ: whoever loads them gets one of them, and no line is of the other.

        Raises:
            UsageError: what a model ties, or holds once, differs in ``arrays`` of ``side``.
        """
        given = fitted_names(arrays, self.names_of(side)).arrays
        if side == "reference":
            self._check_aliases(given)
        elif all(path in given and given[path].shape == shape for path, shape in self.leaves.items()):
            self._check_tied({path: given[path] for path in self.leaves})

    def _check_aliases(self, given: Mapping[str, np.ndarray]) -> None:
        for alias, name in self.aliases.items():
            if alias in given and name in given and not _same_bits(given[alias], given[name]):
                raise UsageError(f"checkpoint: {alias} and {name} differ, and the model ties them: not of this model")

    def _to_port(self, given: Mapping[str, np.ndarray]) -> tuple[Made[np.ndarray], list[str]]:
        fitted = fitted_names(given, self.names_of("reference"))
        given = fitted.arrays
        self._check_aliases(given)
        mapped = {name: given[name] for name in self.shapes if name in given}
        mapped |= {name: given[alias] for alias, name in self.aliases.items() if alias in given and name not in given}
        dropped = [name for name in given if name in self.constants]
        left = [name for name in given if name not in {*mapped, *self.aliases, *dropped}]
        _check("the reference", mapped, self.shapes, left)
        self._check_numbers("the reference", mapped)
        notes = [*fitted.notes]
        if said := _said(dropped, self.constants):
            notes.append(f"left out, since the port has no counterpart: {said}")
        if frozen := list(dict.fromkeys(entry.second for entry in self.weight_map.summed)):
            notes.append(f"added to the array before it, as the port keeps their sum: {', '.join(frozen)}")
        leaves = leaves_made(self.weight_map, mapped, self.leaves)
        return _beside(leaves, self.port_constants), notes

    def _to_reference(self, given: Mapping[str, np.ndarray]) -> tuple[Made[np.ndarray], list[str]]:
        fitted = fitted_names(given, self.names_of("port"))
        given = fitted.arrays
        mapped = {path: given[path] for path in self.leaves if path in given}
        dropped = [path for path in given if path in self.port_constants]
        # A training state has a step and the optimizer's arrays beside the model's collections.
        collections = {path.partition("/")[0] for path in (*self.leaves, *self.port_constants)}
        beside = [path for path in given if path.partition("/")[0] not in collections] if mapped else []
        left = [path for path in given if path not in {*mapped, *dropped, *beside}]
        _check("the port", mapped, self.leaves, left)
        self._check_numbers("the port", mapped)
        self._check_tied(mapped)
        arrays = arrays_made(self.weight_map, mapped, self.shapes)
        notes = [*fitted.notes]
        if said := _said(dropped, self.port_constants):
            notes.append(f"left out, since the reference has no counterpart: {said}")
        if beside:
            parts = ", ".join(dict.fromkeys(path.partition("/")[0] for path in beside))
            notes.append(f"left out, since the model has no such collection: {parts}")
        if said := _said(self.constants, self.constants):
            notes.append(f"as the model makes them, since the port has none: {said}")
        if frozen := list(dict.fromkeys(entry.second for entry in self.weight_map.summed)):
            notes.append(f"zero, their first has the sum: {', '.join(frozen)}")
        of = {name: name for name in arrays} | self.aliases
        return _beside(Made(of, lambda name: arrays[of[name]]), self.constants), notes

    def _check_tied(self, mapped: Arrays) -> None:
        """What the reference holds once, the port's arrays must hold alike: trained by themselves they do not."""
        entries = self.weight_map.entries
        tied = [entry for entry in entries if entry.tied]
        if not tied:
            return
        first = {entry.reference: entry.port for entry in reversed(entries) if not entry.tied}
        again = leaves_made(self.weight_map, arrays_made(self.weight_map, mapped, self.shapes), self.leaves)
        for entry in tied:
            leaf = mapped[entry.port]
            if not np.array_equal(again[entry.port], leaf, equal_nan=leaf.dtype.kind == "f"):
                raise UsageError(
                    f"checkpoint: {first[entry.reference]} and {entry.port} differ, and the reference has one array "
                    f"for both, {entry.reference}: trained apart they are no longer one"
                )

    def _check_numbers(self, side: str, mapped: Arrays) -> None:
        """Integers in the place of floats are a quantized checkpoint without its scales: no model runs with them."""
        for name, array in mapped.items() if self.numbers is not None else ():
            there, wanted = number_of(array.dtype), (self.numbers or {}).get(name, "float")
            if there != wanted:
                raise UsageError(
                    f"checkpoint: does not fit {side}: {name} is {array.dtype} ({there}), the model's is {wanted}: "
                    "convert it first"
                )

    def save(self, path: Path) -> None:
        """Write the conversion as JSON, for a machine that has neither model."""
        form = {
            "schema": SCHEMA,
            "entries": self.weight_map.to_form(),
            "reference": {name: list(shape) for name, shape in self.shapes.items()},
            "port": {path: list(shape) for path, shape in self.leaves.items()},
            "aliases": self.aliases,
            "constants": {name: array_to_form(array) for name, array in self.constants.items()},
            "port_constants": {name: array_to_form(array) for name, array in self.port_constants.items()},
            "numbers": self.numbers,
            "notes": self.notes,
        }
        write_json(path, form)

    @classmethod
    def load(cls, path: Path) -> "Conversion":
        """Read back what ``save`` wrote.

        Raises:
            UsageError: it is not there, or is none.
        """
        try:
            form: Any = strict_json(path.read_text(encoding="utf-8"))
            if form["schema"] != SCHEMA:
                raise UsageError(f"{path}: a weight map of schema {form['schema']}, expected {SCHEMA}")
            return cls(
                WeightMap.from_form(form["entries"]),
                {name: tuple(shape) for name, shape in form["reference"].items()},
                {name: tuple(shape) for name, shape in form["port"].items()},
                form["aliases"],
                {name: array_from_form(constant) for name, constant in form["constants"].items()},
                {name: array_from_form(constant) for name, constant in form["port_constants"].items()},
                form.get("numbers"),
                tuple(form.get("notes", ())),
            )
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: is no weight map that jaxport convert --save-map wrote") from error


def number_of(dtype: np.dtype) -> str:
    """What a dtype counts as: "float" (bfloat16 and float8 too), "integer", "boolean" or "complex"."""
    return {"i": "integer", "u": "integer", "b": "boolean", "c": "complex"}.get(dtype.kind, "float")


def conversion_of(pair: "Pair", seed: int = 0) -> Conversion:
    """The conversion between both models of ``pair``.

    Raises:
        UsageError: the weight map cannot be found.
    """
    from compare.pair.prepare import prepare

    return conversion_between(prepare(pair, seed))


def conversion_between(prepared: "Prepared") -> Conversion:
    """The conversion between the two models of a pair that was brought together."""
    from compare.arrays.arrays import from_torch
    from compare.frameworks.models.references import ReferenceModel

    assert isinstance(prepared.reference, ReferenceModel)
    module = prepared.reference.module
    first = {id(tensor): name for name, tensor in [*module.named_parameters(), *module.named_buffers()]}
    state = module.state_dict()
    every = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    aliases = {name: first[id(tensor)] for name, tensor in every if first[id(tensor)] != name and name in state}
    constants = {
        name: from_torch(tensor)
        for name, tensor in state.items()
        if name not in prepared.shapes and name not in aliases and hasattr(tensor, "numpy")
    }
    dtypes = {name: from_torch(tensor).dtype for name, tensor in state.items() if name in prepared.shapes}
    dtypes |= {path: np.dtype(leaf.dtype) for path, leaf in prepared.port.leaves.items() if path in prepared.leaves}
    weight_map, said = prepared.loaded
    return Conversion(
        weight_map,
        dict(prepared.shapes),
        dict(prepared.leaves),
        aliases,
        constants,
        prepared.port.initial([path for path in prepared.port.leaves if path not in prepared.leaves]),
        {name: number_of(dtype) for name, dtype in dtypes.items() if number_of(dtype) != "float"},
        (*prepared.notes, *said),
    )


def _check(side: str, given: Arrays, shapes: Mapping[str, tuple[int, ...]], left: list[str]) -> None:
    missing = [name for name in shapes if name not in given]
    if missing or left:
        what = f"has no {missing[0]}" if missing else f"has {left[0]}, which the model does not"
        count = len(missing) + len(left)
        rest = f" ({count - 1} more such)" if count > 1 else ""
        raise UsageError(f"checkpoint: does not fit {side}: it {what}{rest}")
    for name, array in given.items():
        if array.shape != shapes[name]:
            raise UsageError(f"checkpoint: does not fit {side}: {name} is {array.shape}, the model's is {shapes[name]}")


def _said(names: Iterable[str], constants: Arrays) -> str:
    """A few of the names; a counter (one integer, as every batch norm of torch has) is not worth a word."""
    told = [name for name in names if constants[name].shape or constants[name].dtype.kind not in "iu"]
    return ", ".join(told[:FEW]) + (f" and {len(told) - FEW} more" if len(told) > FEW else "")


def _beside(made: Made[np.ndarray], constants: Arrays) -> Made[np.ndarray]:
    """What is made, then the constants, which take the place of what has their name."""
    return Made([*made, *constants], lambda name: constants[name] if name in constants else made[name])


def _held(made: Made[np.ndarray], aliases: Mapping[str, str]) -> Arrays:
    """All of it at once; further names of an array are that array."""
    arrays = {name: made[name] for name in made if name not in aliases}
    return {name: arrays[aliases.get(name, name)] for name in made}


def _same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
