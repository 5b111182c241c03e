"""The rows of the table of differences, by group, in the order of the page."""

from compare.explain.differences.difference_row import Row
from compare.explain.differences.recipe_row import OptimizerRow
from compare.explain.differences.rows import (
    activation_rows,
    around_rows,
    attention_rows,
    dropout_rows,
    initialiser_rows,
    layer_rows,
    loss_rows,
    normalisation_rows,
    optimizer_rows,
    pooling_rows,
    recurrent_rows,
    resizing_rows,
    scheduler_rows,
    tensor_rows,
)

OPTIMIZERS = (*optimizer_rows.ROWS, *around_rows.ROWS, *scheduler_rows.ROWS)  # in the order of docs/optimizers.md
GROUPS: dict[str, tuple[Row | OptimizerRow, ...]] = {
    "activations": activation_rows.ROWS,
    "losses and distances": loss_rows.ROWS,
    "layers": layer_rows.ROWS,
    "normalisation": normalisation_rows.ROWS,
    "dropout": dropout_rows.ROWS,
    "pooling": pooling_rows.ROWS,
    "padding and resizing": resizing_rows.ROWS,
    "recurrent layers": recurrent_rows.ROWS,
    "attention": attention_rows.ROWS,
    "initialisers": initialiser_rows.ROWS,
    "optimizers": (*(row for row in OPTIMIZERS if not row.scheduler), *optimizer_rows.NO_COUNTERPART),
    "schedules": tuple(row for row in OPTIMIZERS if row.scheduler),
    "functions of tensors": tensor_rows.ROWS,
}
