"""A torch ``state_dict`` file: read with ``weights_only=True``, so that nothing in it can run."""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import ml_dtypes
import numpy as np

from compare.checkpoints.atomic import whole_file
from compare.checkpoints.checkpoint import DTYPES, EXTENDED, Checkpoint, OtherKindError, UnsoundError, joined
from compare.checkpoints.declared import check_archive, check_unpacked, size_on_disk
from compare.checkpoints.formats import FORMATS, Seen
from compare.checkpoints.kinds import EMPTY, PICKLE, SCRIPT, kind_of
from compare.errors import swallowed

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict", "model")
SAVE_ALONE = "save model.state_dict() alone"
# torch.save before version 1.6, or with _use_new_zipfile_serialization=False: a pickled magic number comes first.
LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")


def recognised(seen: Seen) -> bool:
    """A zip archive with a pickle of its tensors in it, or the older form."""
    return seen.head.startswith(LEGACY) or seen.holds("data.pkl")


def read(path: Path) -> Checkpoint:
    """The tensors of ``path`` on the CPU, tied ones as one array under several names.

    A state_dict that lies under "state_dict" or "model" is taken out; ``metadata`` says so, and names what else was
    there ("left out") and which names are tied ("tied").

    Raises:
        UnsoundError: no torch file, a truncated one, one that holds anything that could run, or no dense tensors.
    """
    _check_kind(kind_of(path))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, size_on_disk(path))
    loaded, metadata = _unwrap(_load(path))
    tensors = {name: value for name, value in loaded.items() if isinstance(name, str) and _is_tensor(value)}
    if any(_is_tensor(value) and not isinstance(name, str) for name, value in loaded.items()):
        raise UnsoundError("holds tensors whose names are no text")
    others = [name for name in loaded if name not in tensors]
    if others:
        if not tensors:
            raise UnsoundError(f"holds no state_dict: {joined(others)}, and not one tensor")
        metadata["left out"] = joined([*filter(None, [metadata.get("left out")]), *others])
    # A tensor may say that its few stored numbers are repeated along its axes.
    check_unpacked(sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()), size_on_disk(path))
    arrays, tied = _arrays(tensors)
    return Checkpoint("reference", "torch", arrays, metadata | ({"tied": joined(tied)} if tied else {}))


def write(path: Path, checkpoint: Checkpoint) -> None:
    """What ``torch.load`` gives back as a dictionary of tensors; names of one array object share one storage.

    Raises:
        UnsoundError: a dtype that torch lacks.
    """
    import torch

    tensors: dict[int, torch.Tensor] = {}
    for name, array in checkpoint.arrays.items():
        if not hasattr(torch, array.dtype.name):
            raise UnsoundError(f"{name!r} has dtype {array.dtype}, which torch lacks")
        if id(array) not in tensors:
            tensors[id(array)] = tensor_of(array)
    with whole_file(path) as file:
        torch.save({name: tensors[id(array)] for name, array in checkpoint.arrays.items()}, file)


def _check_kind(kind: str) -> None:
    """Refuse what is plainly something else before torch guesses at it."""
    if kind == PICKLE:
        raise OtherKindError(f"{PICKLE}, which may hold code: refused; {SAVE_ALONE} with torch.save")
    if kind == SCRIPT:
        raise OtherKindError(f"{SCRIPT}, which holds code: refused; {SAVE_ALONE}")
    if kind != FORMATS["torch"].words:
        reason = "truncated: it is empty" if kind == EMPTY else f"not {FORMATS['torch'].words} but {kind}"
        raise OtherKindError(reason)


def _load(path: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings():
            # Sparse layouts and old pickles are warned of; what matters of that is refused below.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=_stored(path))
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL (\S+)", str(error))
        if code:
            raise UnsoundError(f"holds code, not only tensors ({code[1]}): refused; {SAVE_ALONE}") from error
        if "Unsupported operand" in str(error):
            reason = "holds a pickle that may be code, or of a protocol above 3, of which torch cannot tell"
            raise UnsoundError(f"{reason}: refused; {SAVE_ALONE}") from error
        raise UnsoundError("truncated or damaged: its list of tensors cannot be read") from error
    except (PermissionError, MemoryError):
        raise
    except Exception as error:
        # torch raises nearly anything on damaged files: RuntimeError, KeyError, EOFError, OSError, AttributeError.
        swallowed(error)
        raise UnsoundError(f"truncated or damaged: torch cannot read it ({type(error).__name__})") from error


def _stored(path: Path) -> bool:
    """Whether the tensors lie in the file as they are, and may stay there, so that they take memory only while they are
    looked at: not so in the older form, and what another tool has packed torch would take for the numbers themselves.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(part.compress_type == zipfile.ZIP_STORED for part in archive.infolist())


def _unwrap(loaded: object) -> tuple[Mapping[object, object], dict[str, str]]:
    """The innermost state_dict, and notes on what lay around it."""
    under: list[str] = []
    beside: list[str] = []
    while isinstance(loaded, Mapping):
        inner = [key for key in WRAPPERS if isinstance(loaded.get(key), Mapping)]
        if len(inner) > 1:
            raise UnsoundError(f"holds a state_dict under {' and under '.join(inner)}: save the one that is meant")
        if not inner:
            break
        beside += [".".join([*under, str(key)]) for key in loaded if key != inner[0]]
        under += inner
        loaded = loaded[inner[0]]
    if not isinstance(loaded, Mapping):
        raise UnsoundError(f"holds a {type(loaded).__name__}, not a state_dict; {SAVE_ALONE}")
    metadata = {"unwrapped": "the state_dict lay under " + ".".join(under)} if under else {}
    return loaded, metadata | ({"left out": joined(beside)} if beside else {})


def _is_tensor(value: object) -> "TypeGuard[torch.Tensor]":
    import torch

    return isinstance(value, torch.Tensor)


def _arrays(tensors: Mapping[str, "torch.Tensor"]) -> tuple[dict[str, np.ndarray], list[str]]:
    arrays: dict[str, np.ndarray] = {}
    first: dict[object, str] = {}
    tied = []
    for name, tensor in tensors.items():
        check_dense(name, tensor)
        where = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype) if tensor.numel() else name
        twin = first.setdefault(where, name)
        arrays[name] = array_of(name, tensor) if twin == name else arrays[twin]
        if twin != name:
            tied.append(f"{twin} = {name}")
    return arrays, tied


def check_dense(name: str, tensor: "torch.Tensor") -> None:
    """Refuse what has no plain values.

    Raises:
        UnsoundError: it is sparse, quantized or on another device than the CPU.
    """
    import torch

    unlike = {
        str(tensor.layout): tensor.layout != torch.strided,
        "quantized": tensor.is_quantized,
        f"on the device {tensor.device}": tensor.device.type != "cpu",
    }
    if any(unlike.values()):
        raise UnsoundError(f"{name!r} is no dense tensor: {joined(what for what, true in unlike.items() if true)}")


def array_of(name: str, tensor: "torch.Tensor") -> np.ndarray:
    """A dense tensor of the CPU in NumPy, in its own dtype; its memory where it is contiguous.

    Raises:
        UnsoundError: NumPy has no such dtype.
    """
    import torch

    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in DTYPES:
        raise UnsoundError(f"{name!r} has dtype {tensor.dtype}, which NumPy lacks")
    dense = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if kind not in EXTENDED:
        return dense.numpy()
    carrier = torch.int16 if dense.element_size() == 2 else torch.uint8
    return dense.view(carrier).numpy().view(getattr(ml_dtypes, kind))


def tensor_of(array: np.ndarray) -> "torch.Tensor":
    """A tensor of the same dtype, with its own memory."""
    import torch

    # A copy: torch takes no read-only array, and the file holds whole storages.
    copy = np.array(array, order="C")
    if array.dtype.name not in EXTENDED:
        return torch.from_numpy(copy)
    carrier = np.int16 if array.itemsize == 2 else np.uint8
    return torch.from_numpy(copy.view(carrier)).view(getattr(torch, array.dtype.name))
