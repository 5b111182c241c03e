"""Where a lesson's reader may go on: the lessons and pages that the same idea comes back on."""

from collections.abc import Mapping

from compare.report.book.page import Page

# By a page's name, in the order in which they help.
SEE: dict[str, tuple[str, ...]] = {
    "anatomy": ("bridge", "mixed_precision"),
    "broadcasting": ("shape_errors", "shapes"),
    "views": ("in_place", "shapes", "bridge"),
    "bridge": ("anatomy", "views"),
    "in_place": ("tape", "views", "detach"),
    "shapes": ("views", "image_layouts"),
    "image_layouts": ("shapes", "verify-your-port"),
    "shape_errors": ("broadcasting", "shapes"),
    "tape": ("by_hand", "accumulation", "no_grad", "tape-against-function"),
    "by_hand": ("tape", "raw_logits", "differences"),
    "accumulation": ("micro_batches", "step"),
    "micro_batches": ("accumulation", "optimizers"),
    "no_grad": ("detach", "modes", "tape-against-function"),
    "detach": ("no_grad", "in_place"),
    "complex_gradient": ("tape", "verdict"),
    "module": ("initialisers", "object_and_function", "verify-your-port"),
    "initialisers": ("randomness", "module", "differences"),
    "raw_logits": ("class_weights", "by_hand"),
    "modes": ("forgotten_eval", "object_and_function"),
    "forgotten_eval": ("modes", "early_stopping"),
    "object_and_function": ("modes", "randomness"),
    "class_weights": ("raw_logits", "differences"),
    "mixed_precision": ("loss_scaling", "anatomy"),
    "loss_scaling": ("mixed_precision", "optimizers"),
    "early_stopping": ("forgotten_eval", "module"),
    "adam_and_decay": ("schedules", "optimizers"),
    "schedules": ("adam_and_decay", "optimizers"),
    "compile": ("recompilation", "branches", "benchmark"),
    "branches": ("compile", "recompilation"),
    "recompilation": ("compile", "export"),
    "export": ("compile", "recompilation"),
    "randomness": ("object_and_function", "initialisers"),
    "second_derivatives": ("per_sample", "tape"),
    "per_sample": ("second_derivatives", "micro_batches"),
    "checkpointing": ("no_grad", "tape-against-function"),
    "attention": ("shapes", "mixed_precision"),
}


def see_also(page: Page, known: Mapping[str, Page]) -> list[Page]:
    """Those of a page's that the site has, which is ``known`` by their files."""
    names = SEE.get(page.file.removesuffix(".html"), ())
    return [known[f"{name}.html"] for name in names if f"{name}.html" in known]
