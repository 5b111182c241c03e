"""What is put around an optimizer, groups, masks, clipping, accumulation, averages: rows of "The optimizers,
translated"."""

from compare.explain.differences.recipe_row import OptimizerRow as Row

GROUPS = '{"weight": "matrix", "bias": "other", "kernel": "matrix", "scale": "other"}'
ROWS = (
    Row(
        "two groups",
        'SGD([{"params": [p[1], p[3]], "lr": 0.1}, {"params": [p[0], p[2]]}], lr=0.01, momentum=0.9)',
        "optax.sgd(0.1, momentum=0.9)",
        f'by_group(sgd, {GROUPS}, {{"matrix": {{"learning_rate": 0.1}}, "other": {{"learning_rate": 0.01}}}})',
        "a transformation for each group: optax.partition",
    ),
    Row(
        "AdamW, no decay on biases",
        "AdamW(decayed(p, 0.1), lr=0.02)",
        "optax.adamw(0.02, weight_decay=0.1)",
        "adamw(0.02, weight_decay=0.1, mask=decayed)",
        "mask=",
    ),
    Row(
        "clip_grad_norm_",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))",
        "optax.chain(clip_grad_norm(1.0), sgd(0.1, momentum=0))",
        "torch divides by the norm plus 1e-6",
        clip="clip_grad_norm_(p, 1.0)",
    ),
    Row(
        "clip_grad_norm_, of the largest",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip(0.5), optax.sgd(0.1))",
        "optax.chain(clip_grad_norm(0.5, float('inf')), sgd(0.1, momentum=0))",
        "the largest entry scales all of them",
        clip="clip_grad_norm_(p, 0.5, float('inf'))",
    ),
    Row(
        "clip_grad_value_",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip(0.5), optax.sgd(0.1))",
        "optax.chain(clip_grad_value(0.5), sgd(0.1, momentum=0))",
        clip="clip_grad_value_(p, 0.5)",
    ),
    Row(
        "accumulation",
        "SGD(p, lr=0.1, momentum=0.9)",
        "optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 4).gradient_transformation()",
        "accumulate(sgd(0.1, 0.9), 4)",
        "optax gathers gradients in float32",
        every=4,
    ),
    Row(
        "EMA of the weights",
        "SGD(p, lr=0.05)",
        "optax.sgd(0.05)",
        "sgd(0.05, momentum=0)",
        "torch's average begins as a copy after the first step, and not at the first weights",
        averages=(
            "AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))",
            "optax.incremental_update(params, average, 0.1)",
            "ema(average, params, 0.9)",
        ),
    ),
)
