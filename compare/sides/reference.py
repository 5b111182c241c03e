"""The reference's side: one PyTorch module at one precision on one device."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import torch
from torch import nn

from compare.arrays.arrays import Arrays, from_torch, wide
from compare.errors import shown
from compare.frameworks.dropout.reference import Drawn, replayed
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.seen import Seen
from compare.frameworks.models.modes import Mode
from compare.frameworks.tensors_aside import one_at_a_time, stepping_on_disk
from compare.pair.fields import FieldError, answer_of
from compare.pair.pair import Entering, cotangent_of, scored
from compare.sides.moments import moments_of_torch
from compare.sides.reference_forward import Ready, ReferenceForward, Tensors, has_gradient, tensors_by_name
from compare.sides.seeds import mask_seed
from compare.sides.shelf import Growing, let_go
from compare.sides.side import Result, Run, step_named
from compare.verdict.precision import Precision

Rest = ParamSpec("Rest")
Own = TypeVar("Own", bound="ReferenceSide")


def _undisturbed(
    run: Callable[Concatenate[Own, Entering, Rest], Result],
) -> Callable[Concatenate[Own, Entering, Rest], Result]:
    """With gradients on, whatever the caller has switched off, the caller's random state untouched, and the copy of the
    module gone afterwards."""

    @wraps(run)
    def inside(side: Own, entering: Entering, *args: Rest.args, **kwargs: Rest.kwargs) -> Result:
        devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
        with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=devices):
            if side.stream is not None:
                torch.default_generator.manual_seed(side.stream)
                if devices:
                    torch.cuda.manual_seed(side.stream)
            result = run(side, entering, *args, **kwargs)
        let_go(entering.weights)
        return result

    return inside


class ReferenceSide(ReferenceForward):
    """Runs copies of the pair's module: the pair's own is never touched.

    With ``promoted``, every cast to a lower precision in the module's own code is raised to float64, and the result
    names where there was one (``inside``).
    """

    def __init__(
        self,
        prepared: Ready,
        precision: Precision,
        device: torch.device,
        promoted: bool = False,
        replaced: Mapping[str, np.ndarray] | None = None,
        stream: int | None = None,
        bits: int = 0,
        kept: Kept | None = None,
    ) -> None:
        """``replaced``: buffers, frozen parameters and attributes of the module by dotted name, with other values;
        ``stream``: the seed of what the model draws by hand, else drawn from wherever torch's generator stands;
        ``bits``: to how many every result in float64 is rounded, 0 for all of them; ``kept``, of a promoted side: the
        steps below the working precision that it takes all the same."""
        super().__init__(prepared, precision, device, replaced)
        self.promoted, self.stream, self.bits, self.kept = promoted, stream, bits, kept

    @_undisturbed
    def run(self, entering: Entering, mode: Mode = None) -> Result:
        """Outputs, every gradient and, in training, the buffers after it, on the first batch by one ``backward()``."""
        module = self.load(entering, mode)
        inputs, targets = self.batch(entering.batches[0])
        leaves = {name: tensor.requires_grad_() for name, tensor in inputs.items() if has_gradient(tensor)}
        parameters = dict(module.named_parameters())
        constants = {name: tensor.clone() for name, tensor in self._constants(module).items()}
        variances = _variances(module)
        self._watch(module)
        wanted = {name: parameters[name] for name in entering.weights}
        with (
            self._aside(wanted) as taken,
            self.here(),
            self._as_promoted() as seen,
            self._replaying(entering, mode) as replay,
        ):
            # Clones: a model may change its input in place, which a leaf does not stand.
            outputs = self.forward(
                module, entering.batches[0], {name: tensor.clone() for name, tensor in inputs.items()}, mode
            )
            named = tensors_by_name(outputs)
            loss = self._backward(outputs, named, targets, entering)
        after = self._constants(module)
        changed = tuple(name for name, before in constants.items() if not torch.equal(before, after[name]))
        arrays = {name: _seen(tensor) for name, tensor in named.items()}
        arrays |= {"loss": _seen(loss)} if loss is not None else {}
        for name in entering.weights:
            arrays[f"grad/{name}"] = taken[name] if name in taken else _gradient(parameters[name])
        for name, entered in leaves.items():
            arrays[f"grad/input.{name}"] = _gradient(entered)
        arrays |= self._buffers(module) if mode is not False else {}
        result = _result(arrays, variances, replay, seen or (), changed)
        return replace(result, left={name: _seen(after[name]) for name in changed})

    @_undisturbed
    def steps(self, entering: Entering) -> Result:
        """One optimizer step on each batch in turn: zero, forward, loss, backward, step."""
        training = self.pair.training()
        assert training is not None
        mode = self.prepared.modes[0]
        module = self.load(self._collected(entering), mode)
        parameters = dict(module.named_parameters())
        for biases in self.prepared.summed:
            kept = self._tensor(biases.kept(tuple(parameters[biases.second].shape)))
            parameters[biases.second].register_hook(partial(torch.mul, kept))
        optimizer = answer_of("optimizers", training.reference, list(parameters.values()), **entering.hyper)
        if not hasattr(optimizer, "zero_grad"):
            raise FieldError(f"optimizers= returned {shown(optimizer)}: expected a torch.optim.Optimizer")
        variances = _variances(module)
        self._watch(module)
        parameters = {name: parameters[name] for name in entering.weights}
        before, taken = self._values(parameters), Growing()
        last, places = None, dict[str, None]()
        for number, batch in enumerate(entering.batches):
            inputs, targets = self.batch(batch)
            optimizer.zero_grad()
            with (
                self._aside(parameters) as gathered,
                self.here(),
                self._as_promoted() as seen,
                self._replaying(entering, mode, number) as replay,
            ):
                outputs = self.forward(module, batch, inputs, mode)
                loss = self._backward(outputs, tensors_by_name(outputs), targets, entering)
            with self._stepping(parameters, gathered):
                self._step(optimizer, parameters)
            after = self._values(parameters)
            made = {f"update/{name}": self._kept(after[name] - before[name]) for name in after}
            made |= {"loss": _seen(loss)} if loss is not None else {}
            taken.add(step_named(number + 1, made))
            before, last = after, replay
            places |= dict.fromkeys(seen or ())
        made = self._buffers(module) if mode is not False else {}
        moments = moments_of_torch(optimizer, parameters, self._kept)
        taken.add(step_named(len(entering.batches), made | moments))
        return _result(taken.arrays, variances, last, places)

    def _backward(self, outputs: object, named: Tensors, targets: Tensors, entering: Entering) -> torch.Tensor | None:
        """Gradients of the loss, or of the outputs against their random cotangents, into every leaf."""
        if self.pair.loss is not None:
            loss = self._scored(outputs, targets)
            loss.backward(torch.tensor(entering.cotangent, dtype=loss.dtype, device=self.device))
            return loss
        wanted = {name: tensor for name, tensor in named.items() if tensor.requires_grad}
        # Wide already: a single number of float32 is taken for the decimal that it was written as by a promoted oracle.
        against = [
            self._tensor(
                wide(cotangent_of(name, tuple(tensor.shape), entering.seed, entering.precision, tensor.is_complex()))
            ).to(tensor.dtype)
            * entering.cotangent
            for name, tensor in wanted.items()
        ]
        if wanted:
            torch.autograd.backward(list(wanted.values()), against)
        return None

    def _aside(self, parameters: Mapping[str, nn.Parameter]) -> AbstractContextManager[Arrays]:
        """Around a forward and backward pass: the gradients that were taken on the way, of a pair by module."""
        aside = self.prepared.aside
        called = f"the reference in {self.precision.name}{', promoted' if self.promoted else ''}"
        return nullcontext({}) if aside is None else one_at_a_time(aside, parameters, called)

    def _stepping(self, parameters: Mapping[str, nn.Parameter], gathered: Arrays) -> AbstractContextManager[object]:
        """Around an optimizer's step: of a pair by module, the gradients that were gathered given back."""
        aside = self.prepared.aside
        return nullcontext() if aside is None else stepping_on_disk(aside, parameters, gathered)

    def _kept(self, array: np.ndarray) -> np.ndarray:
        """What a run returns, where it lies until it is judged."""
        aside = self.prepared.aside
        return array if aside is None else aside.put(array)

    def _values(self, parameters: Mapping[str, nn.Parameter]) -> Arrays:
        return {name: self._kept(wide(from_torch(parameter))) for name, parameter in parameters.items()}

    def _scored(self, outputs: object, targets: Tensors) -> torch.Tensor:
        assert self.pair.loss is not None
        return scored(self.pair.loss[0], outputs, list(targets.values()))

    def _step(self, optimizer: torch.optim.Optimizer, parameters: dict[str, nn.Parameter]) -> None:
        optimizer.step()

    def _collected(self, entering: Entering) -> Entering:
        """What enters with every two parameters that the port holds as their sum collected in the first."""
        summed = self.prepared.summed
        wide = {name: entering.weights[name].astype(np.float64) for one in summed for name in (one.first, one.second)}
        for one in summed:
            one.collect(wide)
        return replace(entering, weights=entering.weights | wide)

    def _buffers(self, module: nn.Module) -> Arrays:
        own = dict(module.named_buffers())
        return {f"state/{name}": _seen(own[name]) for name in self.prepared.buffers}

    def alone(self) -> "ReferenceSide | None":
        """A side that runs the same module with nothing of ours around it: what raises there is the module's own."""
        return _Alone(self.prepared, self.precision, self.device, replaced=self._replaced, stream=self.stream)

    def _watch(self, module: nn.Module) -> None:
        """For a side that looks into its runs: hooks on the copy that is about to run."""

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        if mode is False and not self.pair.rngs:  # an evaluation draws nothing, unless it may
            yield None
            return
        with replayed(mask_seed(entering, step), stream=self.stream) as record:
            yield record

    @contextmanager
    def _as_promoted(self) -> Iterator[Seen | None]:
        from compare.frameworks.islands.reference import promoted_torch
        from compare.frameworks.rounding.reference import RoundedTorch

        promoting = promoted_torch(self.kept) if self.promoted else nullcontext()
        rounding = RoundedTorch(self.bits) if self.bits else nullcontext()
        with promoting as seen, rounding:
            yield seen


class _Alone(ReferenceSide):
    """Neither masks nor promotion, and nobody looks."""

    def alone(self) -> None:
        """There is no other."""

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        yield None


def _result(
    arrays: Run,
    variances: Mapping[str, tuple[float, float]],
    last: Drawn | None,
    places: Iterable[str],
    changed: tuple[str, ...] = (),
) -> Result:
    """What a run returns; of several steps the dropouts are the last one's, which are every one's."""
    return Result(
        arrays,
        tuple(last.drawn) if last else (),
        tuple(last.not_compared) if last else (),
        changed,
        variances,
        tuple(dict.fromkeys(places)),
    )


def _variances(module: nn.Module) -> dict[str, tuple[float, float]]:
    """Filled while the copy runs: of each running variance its momentum, and how many values it is taken over."""
    variances: dict[str, tuple[float, float]] = {}

    def note(name: str, momentum: float, layer: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        variances[name] = (momentum, args[0].numel() / args[0].shape[1])

    for path, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.momentum is not None:
            name = f"{path}.running_var" if path else "running_var"
            layer.register_forward_pre_hook(partial(note, name, float(layer.momentum)))
    return variances


def _gradient(leaf: torch.Tensor) -> np.ndarray:
    """What backward() left in ``.grad``; where nothing reached the leaf it left None, and the gradient is zero."""
    return _seen(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)


def _seen(tensor: torch.Tensor) -> np.ndarray:
    """A result in NumPy: nobody else holds it, so that its memory can be shared where NumPy knows its dtype."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.device.type == "cpu" and tensor.dtype is not torch.bfloat16:
        return tensor.numpy()
    return from_torch(tensor)
