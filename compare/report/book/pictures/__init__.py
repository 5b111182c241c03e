"""Which lesson has which picture. Each is drawn from what the lesson's run returned, or from what its own functions
return when the book is built."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from compare.report.book.drawing.figure import Picture
from compare.report.book.pictures import (
    array_shapes,
    compiling,
    derivatives,
    differentiated,
    draws_and_masks,
    gradient_numbers,
    kept_bytes,
    layer_modes,
    model_parts,
    shared_memory,
    training_loops,
    whole_programs,
)

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

PICTURES: dict[str, "Callable[[LessonReport], Picture]"] = {
    "anatomy": array_shapes.anatomy,
    "broadcasting": array_shapes.broadcasting,
    "views": shared_memory.views,
    "bridge": shared_memory.bridge,
    "in_place": shared_memory.in_place,
    "shapes": array_shapes.shapes,
    "image_layouts": shared_memory.image_layouts,
    "shape_errors": array_shapes.shape_errors,
    "tape": differentiated.tape,
    "by_hand": differentiated.by_hand,
    "accumulation": gradient_numbers.accumulation,
    "micro_batches": gradient_numbers.micro_batches,
    "no_grad": kept_bytes.no_grad,
    "detach": differentiated.detach,
    "complex_gradient": gradient_numbers.complex_gradient,
    "module": model_parts.module,
    "initialisers": model_parts.initialisers,
    "raw_logits": model_parts.raw_logits,
    "modes": layer_modes.modes,
    "forgotten_eval": layer_modes.forgotten_eval,
    "object_and_function": layer_modes.object_and_function,
    "class_weights": training_loops.class_weights,
    "mixed_precision": training_loops.mixed_precision,
    "loss_scaling": training_loops.loss_scaling,
    "early_stopping": training_loops.early_stopping,
    "adam_and_decay": training_loops.adam_and_decay,
    "schedules": training_loops.schedules,
    "compile": compiling.compile,
    "branches": whole_programs.branches,
    "recompilation": compiling.recompilation,
    "export": whole_programs.export,
    "randomness": draws_and_masks.randomness,
    "second_derivatives": derivatives.second_derivatives,
    "per_sample": derivatives.per_sample,
    "checkpointing": kept_bytes.checkpointing,
    "attention": draws_and_masks.attention,
}


def picture_of(report: "LessonReport") -> Picture | None:
    """The picture of a lesson that has run; None where it has none, or was not run."""
    draw = PICTURES.get(report.lesson)
    return draw(report) if draw and report.reference and report.port else None
