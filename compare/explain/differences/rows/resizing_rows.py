"""Padding, resizing and sampling."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

SIDES = {1: "5", 2: "4, 5", 3: "4, 5, 4"}
PADDINGS = {"Reflection": "mode='reflect'", "Replication": "mode='edge'", "Circular": "mode='wrap'"}


def _paddings(axes: int) -> tuple[Row, ...]:
    image, around = {"x": f"normal(2, 3, {SIDES[axes]})"}, ((0, 0), (0, 0), *((1, 1),) * axes)
    return (
        Row((f"nn.ZeroPad{axes}d(1)(x)",), (Port(f"jnp.pad(x, {around})"),), image),
        Row(
            (f"nn.ConstantPad{axes}d(1, 0.5)(x)",),
            (Port(f"jnp.pad(x, {around}, constant_values=0.5)"),),
            image,
        ),
        *(
            Row((f"nn.{kind}Pad{axes}d(1)(x)",), (Port(f"jnp.pad(x, {around}, {mode})"),), image)
            for kind, mode in PADDINGS.items()
        ),
    )


def _nearest(axes: int) -> Row:
    """Half as large again along every axis."""
    picked = "x"
    for axis in range(-1, -1 - axes, -1):
        picked = f"jnp.take({picked}, jnp.arange(6) * 4 // 6, axis={axis})"
    size = (6,) * axes
    return Row(
        (f"F.interpolate(x, {size})", f"nn.Upsample({size})(x)", *((f"F.upsample(x, {size})",) if axes == 2 else ())),
        (Port(f"jax.image.resize(x, (2, 3, {', '.join(['6'] * axes)}), 'nearest')", picked),),
        {"x": f"normal(2, 3, {', '.join(['4'] * axes)})"},
        "torch's nearest rounds down from the edge of an entry; JAX's from its middle, as torch's nearest-exact does",
    )


LINE, IMAGE = {"x": "normal(2, 3, 8)"}, {"x": "normal(2, 3, 8, 6)"}
HALF = "jax.image.resize(x, (2, 3, 4, 3), 'linear', $)"
CORNERS = (
    "jax.image.scale_and_translate(x, (2, 3, 15, 11), (2, 3), jnp.array([14 / 7, 10 / 5]), "
    "0.5 - 0.5 * jnp.array([14 / 7, 10 / 5]), 'linear', antialias=False)"
)
SAMPLED = (
    "jnp.stack([jnp.stack([jax.scipy.ndimage.map_coordinates(jnp.pad(plane, 1), "
    "[((at[..., 1] + 1) * plane.shape[0] - 1) / 2 + 1, ((at[..., 0] + 1) * plane.shape[1] - 1) / 2 + 1], order=1) "
    "for plane in image]) for image, at in zip(x, grid)])"
)

ROWS = (
    *(row for axes in (1, 2, 3) for row in _paddings(axes)),
    Row(
        ("F.pad(x, (1, 2, 0, 1))",),
        (Port("jnp.pad(x, ((0, 0), (1, 2), (0, 1)))", "jnp.pad(x, ((0, 0), (0, 1), (1, 2)))"),),
        {"x": "normal(2, 3, 4)"},
        "torch counts from the last axis, pair by pair",
    ),
    *(_nearest(axes) for axes in (1, 2, 3)),
    Row(
        ("nn.UpsamplingNearest2d(scale_factor=2)(x)", "F.upsample_nearest(x, scale_factor=2)"),
        (Port("jax.image.resize(x, (2, 3, 16, 12), 'nearest')"),),
        IMAGE,
        "whole factors: the same entries",
    ),
    Row(
        ("nn.UpsamplingBilinear2d((15, 11))(x)", "F.upsample_bilinear(x, (15, 11))"),
        (Port("jax.image.resize(x, (2, 3, 15, 11), 'linear')", CORNERS),),
        IMAGE,
        "align_corners=True, unlike F.interpolate",
    ),
    Row(
        ("F.interpolate(x, scale_factor=2.0, mode='bilinear')", "nn.Upsample(scale_factor=2.0, mode='bilinear')(x)"),
        (Port("jax.image.resize(x, (2, 3, 16, 12), 'linear')"),),
        IMAGE,
        "align_corners is False unless given",
    ),
    Row(
        ("F.interpolate(x, (4, 3), mode='bilinear')",),
        (Port(HALF, "antialias=False"),),
        IMAGE,
        "where an image shrinks",
    ),
    Row(
        ("F.interpolate(x, (4, 3), mode='bilinear', antialias=True)",),
        (Port("jax.image.resize(x, (2, 3, 4, 3), 'linear')"),),
        IMAGE,
    ),
    Row(
        ("F.interpolate(x, scale_factor=1.3, mode='linear')",),
        (
            Port(
                "jax.image.resize(x, (2, 3, 10), 'linear')",
                "jax.image.scale_and_translate(x, (2, 3, 10), (2,), jnp.array([1.3]), jnp.array([0.0]), 'linear', "
                "antialias=False)",
            ),
        ),
        LINE,
        "8 * 1.3 entries are 10, and torch still goes by 1.3, not by 10 / 8 (recompute_scale_factor=True does)",
    ),
    Row(
        ("F.interpolate(x, (16, 12), mode='bicubic')",),
        (
            Port(
                "jax.image.resize(x, (2, 3, 16, 12), 'cubic')",
                apart="another cubic: its constant is -0.75 in torch, -0.5 in JAX, and no argument of either",
            ),
        ),
        IMAGE,
    ),
    Row(
        ("F.interpolate(x, (4, 3), mode='area')",),
        (Port(equal="x.reshape(2, 3, 4, 2, 3, 2).mean((3, 5))"),),
        IMAGE,
    ),
    Row(
        ("F.affine_grid(x, (2, 3, 4, 5))",),
        (
            Port(
                equal="jnp.einsum('nij,hwj->nhwi', x, jnp.stack([*jnp.meshgrid((2 * jnp.arange(5) + 1) / 5 - 1, "
                "(2 * jnp.arange(4) + 1) / 4 - 1), jnp.ones((4, 5))], -1))"
            ),
        ),
        {"x": "normal(2, 2, 3)"},
        "align_corners is False unless given",
    ),
    Row(
        ("F.grid_sample(x, grid)",),
        (Port(equal=SAMPLED),),
        {"x": "normal(2, 3, 4, 5)", "grid": "2 * uniform(2, 6, 7, 2) - 1"},
        "bilinear, zeros around, align_corners False; the grid is (x, y), from -1 to 1",
    ),
)
