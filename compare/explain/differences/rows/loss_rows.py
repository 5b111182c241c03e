"""Losses, distances and similarities."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

XY = {"x": "normal(6, 5)", "y": "normal(6, 5)"}
LABELLED = {"x": "normal(6, 5)", "labels": "integers(5, 6)"}
SIGNED = {"x": "normal(6, 5)", "y": "signs(6, 5)"}
SHARES = {"x": "normal(6, 5)", "y": "shares(6, 5)"}
TRIPLET = {"a": "normal(6, 5)", "p": "normal(6, 5)", "n": "normal(6, 5)"}
INTEGER = "optax.softmax_cross_entropy_with_integer_labels"
CTC = {
    "x": "normal(8, 2, 4)",
    "labels": "1 + integers(3, 2, 3)",
    "ends": "np.array([8, 7])",
    "lengths": "np.array([3, 2])",
}
CTC_CODE = (
    "optax.ctc_loss(jnp.swapaxes(x, 0, 1), 1.0 * (jnp.arange(x.shape[0]) >= ends[:, None]), labels, "
    "1.0 * (jnp.arange(labels.shape[1]) >= lengths[:, None]))"
)
AT_LEAST_0 = "(lambda m: jnp.where(m >= 0, m, 0))"  # torch's clamp has slope 1 at its bound, relu 0
LENGTH = (
    "(lambda s: jnp.where(s > 0, jnp.sqrt(jnp.where(s > 0, s, 1)), 0))"  # of squares: slope 0 at 0, as torch's norm
)

ROWS = (
    Row(
        ("F.l1_loss(x, y)", "nn.L1Loss()(x, y)"),
        (Port(equal="jnp.mean(jnp.where(x == y, 0, jnp.abs(x - y)))"),),
        XY,
        "jnp.abs has slope 1 at 0, torch.abs 0",
    ),
    Row(
        ("F.mse_loss(x, y)", "nn.MSELoss()(x, y)"),
        (
            Port("jnp.mean(optax.squared_error(x, y))"),
            Port("jnp.mean(optax.l2_loss(x, y))", "jnp.mean(2 * optax.l2_loss(x, y))"),
        ),
        XY,
        "optax's losses are not reduced; its l2_loss is half the square",
    ),
    Row(
        ("F.huber_loss(x, y)", "nn.HuberLoss()(x, y)"),
        (Port("jnp.mean(optax.huber_loss(x, y))"),),
        XY,
    ),
    Row(
        ("F.smooth_l1_loss(x, y)", "nn.SmoothL1Loss()(x, y)"),
        (Port("jnp.mean(optax.huber_loss(x, y))"),),
        XY,
        "at beta=1 alone",
    ),
    Row(
        ("F.smooth_l1_loss(x, y, beta=0.5)", "nn.SmoothL1Loss(beta=0.5)(x, y)"),
        (Port("jnp.mean(optax.huber_loss(x, y, delta=0.5))", "jnp.mean(optax.huber_loss(x, y, delta=0.5) / 0.5)"),),
        XY,
        "Huber's loss over beta",
    ),
    Row(
        ("F.cross_entropy(x, labels)", "nn.CrossEntropyLoss()(x, labels)"),
        (Port(f"jnp.mean({INTEGER}(x, labels))"),),
        LABELLED,
        "the classes are axis 1 in torch, the last in optax",
    ),
    Row(
        ("F.cross_entropy(x, labels)", "nn.CrossEntropyLoss()(x, labels)"),
        (
            Port(
                f"jnp.mean({INTEGER}(x, labels))",
                f"jnp.sum(jnp.where(labels < 0, 0, {INTEGER}(x, jnp.maximum(labels, 0)))) / jnp.sum(labels >= 0)",
            ),
        ),
        {"x": "normal(6, 5)", "labels": "np.array([1, -100, 4, 0, -100, 2])"},
        "rows labelled -100 (ignore_index): torch leaves them out of the mean; optax looks the label up",
    ),
    Row(
        ("F.cross_entropy(x, labels, weight)",),
        (
            Port(
                f"jnp.mean(weight[labels] * {INTEGER}(x, labels))",
                f"jnp.sum(weight[labels] * {INTEGER}(x, labels)) / jnp.sum(weight[labels])",
            ),
        ),
        LABELLED | {"weight": "positive(5)"},
        "torch divides by the sum of the weights, not by the number of rows",
        constant=("weight",),
    ),
    Row(
        ("F.cross_entropy(x, labels, label_smoothing=0.1)", "nn.CrossEntropyLoss(label_smoothing=0.1)(x, labels)"),
        (Port("jnp.mean(optax.softmax_cross_entropy(x, optax.smooth_labels(jax.nn.one_hot(labels, 5), 0.1)))"),),
        LABELLED,
    ),
    Row(
        ("F.cross_entropy(x, y)", "nn.CrossEntropyLoss()(x, y)"),
        (Port("jnp.mean(optax.softmax_cross_entropy(x, y))"),),
        SHARES,
        "probabilities for labels",
    ),
    Row(
        ("F.linear_cross_entropy(x, weight, labels)",),
        (Port(equal=f"jnp.mean({INTEGER}(x @ weight.T, labels))"),),
        {"x": "normal(6, 4)", "weight": "normal(5, 4)", "labels": "integers(5, 6)"},
    ),
    Row(
        ("nn.LinearCrossEntropyLoss(4, 5)(x, labels)",),
        (Port(equal=f"jnp.mean({INTEGER}(x @ linear_weight.T, labels))"),),
        {"x": "normal(6, 4)", "labels": "integers(5, 6)"},
    ),
    Row(("nn.LinearCrossEntropyOptions()",), note="a record of settings, no function"),
    Row(
        ("F.nll_loss(x, labels)", "nn.NLLLoss()(x, labels)"),
        (Port(equal="-jnp.mean(jnp.take_along_axis(x, labels[:, None], axis=1))"),),
        {"x": "logs(6, 5)", "labels": "integers(5, 6)"},
    ),
    Row(
        ("nn.NLLLoss2d()(x, labels)",),
        (Port(equal="-jnp.mean(jnp.take_along_axis(x, labels[:, None], axis=1))"),),
        {"x": "normal(2, 5, 3, 3)", "labels": "integers(5, 2, 3, 3)"},
        "deprecated in torch: NLLLoss takes any number of axes",
    ),
    Row(
        ("F.binary_cross_entropy(x, y)", "nn.BCELoss()(x, y)"),
        (
            Port(
                equal="-jnp.mean(y * jnp.log(jnp.maximum(x, np.exp(-100))) "
                "+ (1 - y) * jnp.log(jnp.maximum(1 - x, np.exp(-100))))",
            ),
        ),
        {"x": "uniform(6, 5)", "y": "uniform(6, 5)"},
        "torch bounds each logarithm by -100 from below",
    ),
    Row(
        ("F.binary_cross_entropy_with_logits(x, y)", "nn.BCEWithLogitsLoss()(x, y)"),
        (Port("jnp.mean(optax.sigmoid_binary_cross_entropy(x, y))"),),
        {"x": "normal(6, 5)", "y": "uniform(6, 5)"},
    ),
    Row(
        ("F.kl_div(x, y)", "nn.KLDivLoss()(x, y)"),
        (Port("jnp.mean(optax.kl_divergence(x, y))", "jnp.mean(optax.kl_divergence(x, y)) / x.shape[-1]"),),
        {"x": "logs(6, 5)", "y": "shares(6, 5)"},
        "torch's default is the mean over all entries; its batchmean is optax's mean",
    ),
    Row(
        ("F.kl_div(x, y, reduction='batchmean', log_target=True)",),
        (Port("jnp.mean(optax.losses.kl_divergence_with_log_targets(x, y))"),),
        {"x": "logs(6, 5)", "y": "logs(6, 5)"},
    ),
    Row(
        ("F.poisson_nll_loss(x, y)", "nn.PoissonNLLLoss()(x, y)"),
        (Port(equal="jnp.mean(jnp.exp(x) - y * x)"),),
        XY,
        "the input is the logarithm of the rate unless log_input=False",
    ),
    Row(
        ("F.gaussian_nll_loss(x, y, var)", "nn.GaussianNLLLoss()(x, y, var)"),
        (
            Port(
                equal="(lambda v: jnp.mean(jnp.log(v) + (x - y) ** 2 / v) / 2)"
                "(var + lax.stop_gradient(jnp.maximum(var, 1e-6) - var))"
            ),
        ),
        XY | {"var": "positive(6, 5)"},
        "the variance is bounded by eps going forward, and not going back",
    ),
    Row(
        ("F.soft_margin_loss(x, y)", "nn.SoftMarginLoss()(x, y)"),
        (Port(equal="jnp.mean(jax.nn.softplus(-y * x))"),),
        SIGNED,
        constant=("y",),
    ),
    Row(
        ("F.hinge_embedding_loss(x, y)", "nn.HingeEmbeddingLoss()(x, y)"),
        (Port(equal=f"jnp.mean(jnp.where(y == 1, x, 0) + jnp.where(y == -1, {AT_LEAST_0}(1 - x), 0))"),),
        {"x": "normal(6, 5)", "y": "2 * integers(2, 6, 5) - 1"},
        "not optax.hinge_loss, which is relu(1 - x * y); where y is neither, torch adds both",
    ),
    Row(
        ("F.margin_ranking_loss(a, p, y)", "nn.MarginRankingLoss()(a, p, y)"),
        (Port(equal=f"jnp.mean({AT_LEAST_0}(-y * (a - p)))"),),
        {"a": "normal(6)", "p": "normal(6)", "y": "signs(6)"},
    ),
    Row(
        ("F.multi_margin_loss(x, labels)", "nn.MultiMarginLoss()(x, labels)"),
        (
            Port(
                equal="jnp.mean(jnp.where(jax.nn.one_hot(labels, 5) == 1, 0, "
                "jax.nn.relu(1 - jnp.take_along_axis(x, labels[:, None], 1) + x)))"
            ),
        ),
        LABELLED,
        "optax.losses.multiclass_hinge_loss takes the largest margin, torch sums them and divides by the classes",
    ),
    Row(
        ("F.multilabel_margin_loss(x, labels)", "nn.MultiLabelMarginLoss()(x, labels)"),
        (
            Port(
                equal="(lambda real: jnp.mean(jnp.sum(jnp.where(real[:, :, None] & "
                "~jnp.any((labels[:, :, None] == jnp.arange(5)) & real[:, :, None], 1)[:, None, :], "
                "jax.nn.relu(1 - jnp.take_along_axis(x, jnp.maximum(labels, 0), 1)[:, :, None] + x[:, None, :]), 0), "
                "(1, 2)) / 5))(jnp.cumprod(labels >= 0, 1) == 1)"
            ),
        ),
        {"x": "normal(2, 5)", "labels": "np.array([[1, 3, -1, 0, 2], [0, -1, 2, 3, 4]])"},
        "labels up to the first -1",
    ),
    Row(
        ("F.multilabel_soft_margin_loss(x, y)", "nn.MultiLabelSoftMarginLoss()(x, y)"),
        (Port(equal="jnp.mean(optax.sigmoid_binary_cross_entropy(x, y))"),),
        {"x": "normal(6, 5)", "y": "1.0 * integers(2, 6, 5)"},
    ),
    Row(
        ("F.triplet_margin_loss(a, p, n)", "nn.TripletMarginLoss()(a, p, n)"),
        (
            Port(
                "jnp.mean(optax.losses.triplet_margin_loss(a, p, n))",
                f"jnp.mean({AT_LEAST_0}(jnp.linalg.norm(a - p + 1e-6, axis=-1) "
                "- jnp.linalg.norm(a - n + 1e-6, axis=-1) + 1))",
            ),
        ),
        TRIPLET,
        "eps is added to each entry of the difference in torch, under the root in optax",
    ),
    Row(
        ("F.triplet_margin_with_distance_loss(a, p, n)", "nn.TripletMarginWithDistanceLoss()(a, p, n)"),
        (
            Port(
                equal=f"jnp.mean({AT_LEAST_0}(jnp.linalg.norm(a - p + 1e-6, axis=-1) "
                "- jnp.linalg.norm(a - n + 1e-6, axis=-1) + 1))",
            ),
        ),
        TRIPLET,
    ),
    Row(
        ("F.cosine_similarity(x, y)", "nn.CosineSimilarity()(x, y)"),
        (Port("optax.cosine_similarity(x, y)", "optax.cosine_similarity(x, y, epsilon=1e-16)"),),
        XY,
        "optax's epsilon bounds the squared norm, torch's eps the norm: its square is the same bound",
    ),
    Row(
        ("F.cosine_similarity(1e-9 * x, y)",),
        (
            Port(
                "optax.cosine_similarity(1e-9 * x, y, epsilon=1e-8)",
                "(lambda unit: jnp.sum(unit(1e-9 * x) * unit(y), 1))(lambda v: (lambda n: v / "
                f"(n + lax.stop_gradient(jnp.maximum(n, 1e-8) - n)))({LENGTH}(jnp.sum(v * v, axis=1, keepdims=True))))",
            ),
        ),
        XY,
        "short vectors: torch bounds the norm going forward alone",
    ),
    Row(
        ("F.cosine_embedding_loss(x, y, sign)", "nn.CosineEmbeddingLoss()(x, y, sign)"),
        (
            Port(
                equal="(lambda c: jnp.mean(jnp.where(sign == 1, 1 - c, jax.nn.relu(c))))(jnp.sum(x * y, 1) / "
                "jnp.sqrt((jnp.sum(x * x, 1) + 1e-12) * (jnp.sum(y * y, 1) + 1e-12)))"
            ),
        ),
        XY | {"sign": "np.array([1, -1, 1, -1, -1, 1])"},
        "its own 1e-12, added to each squared norm; cosine_similarity has another",
    ),
    Row(
        ("F.pairwise_distance(x, y)", "nn.PairwiseDistance()(x, y)"),
        (Port("jnp.linalg.norm(x - y, axis=-1)", "jnp.linalg.norm(x - y + 1e-6, axis=-1)"),),
        XY,
        "eps is added to each entry of the difference",
    ),
    Row(
        ("F.pdist(x)",),
        (Port(equal=f"{LENGTH}(jnp.sum((x[:, None] - x)[jnp.triu_indices(6, 1)] ** 2, axis=-1))"),),
        {"x": "normal(6, 5)"},
    ),
    Row(
        (
            "F.ctc_loss(x.log_softmax(-1), labels, ends, lengths)",
            "nn.CTCLoss()(x.log_softmax(-1), labels, ends, lengths)",
        ),
        (Port(f"jnp.mean({CTC_CODE})", f"jnp.mean({CTC_CODE} / lengths)"),),
        CTC,
        "torch's mean divides each row by the length of its labels first; optax takes the logits, batch first",
    ),
    Row(
        ("F.ctc_loss(x.log_softmax(-1), labels, ends, lengths, reduction='none')",),
        (
            Port(
                CTC_CODE,
                apart="labels that do not fit: infinity in torch (0 with zero_infinity), 1e5 and more in optax",
            ),
        ),
        {
            "x": "normal(4, 1, 4)",
            "labels": "np.array([[1, 1, 2, 3]])",
            "ends": "np.array([4])",
            "lengths": "np.array([4])",
        },
    ),
    Row(
        ("nn.AdaptiveLogSoftmaxWithLoss(4, 10, [5])(x, labels)",),
        (
            Port(
                equal="(lambda head, tail: [(own := jnp.where(labels < 5, jnp.take_along_axis(head, "
                "jnp.minimum(labels, 4)[:, None], 1)[:, 0], head[:, 5] + jnp.take_along_axis(tail, "
                "jnp.maximum(labels - 5, 0)[:, None], 1)[:, 0])), -jnp.mean(own)])"
                "(jax.nn.log_softmax(x @ head_weight.T), jax.nn.log_softmax(x @ tail_0_0_weight.T @ tail_0_1_weight.T))"
            ),
        ),
        {"x": "normal(6, 4)", "labels": "integers(10, 6)"},
        "a shortlist of five classes, and the rest as one cluster",
    ),
)
