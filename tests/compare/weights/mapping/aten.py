"""Cases of ATen's operations, those with a rule and those that their schema tells, on tensors of a few entries."""

import warnings

import torch
from torch.utils._pytree import tree_flatten

from compare.weights.mapping.aten_schema import named_arguments, result_of
from compare.weights.mapping.operation import Operation

A, V, B = torch.rand(2, 6), torch.rand(6), torch.rand(2, 3, 4)  # a matrix, a vector, a batch of matrices
I3, I4, I5 = torch.rand(1, 2, 6), torch.rand(1, 2, 4, 6), torch.rand(1, 2, 4, 4, 6)  # images
C = torch.rand(2)  # one entry for each channel
ROWS = torch.tensor([0, 1, 1])
Z = torch.complex(A, A)
NORMED = (I4, C, C, C, C)

CASES = {
    "clone": [(A,)], "detach": [(A,)], "alias": [(A,)], "_to_copy": [(A,)], "t": [(A,), (V,)],
    "lift_fresh": [(A,)], "lift_fresh_copy": [(A,)],
    "native_dropout": [(A, 0.5, False)],
    "transpose": [(B, -1, 0), (B, 1, 2)], "permute": [(B, [2, 0, -2])],
    "view": [(A, [2, 3, 2]), (A, [12]), (A, [4, 3])], "_unsafe_view": [(A, [3, 4])],
    "_reshape_alias": [(A, [12], [1])], "unsqueeze": [(A, -1), (A, 0)], "squeeze": [(I3,), (I3, 0)],
    "as_strided": [(A, [6, 2], [1, 6])],
    "expand": [(V, [2, 3, 6]), (I3, [5, -1, -1])], "repeat": [(V, [2, 3]), (A, [2, 1])],
    "select": [(B, 1, 2), (B, -1, -1)],
    "slice": [(B, 1, 1, 3), (B, -1, -3), (A, 1, 0, 9223372036854775807, 2), (A,), (A, 1, 4, 2)],
    "split": [(A, 4, 1), (A, 1)], "split_with_sizes": [(A, [2, 4], -1)], "unsafe_split": [(A, 4, 1)],
    "unsafe_split_with_sizes": [(A, [2, 4], 1)],
    "unbind": [(B, -1), (B,)], "cat": [([A, A], -1), ([A, A],)], "stack": [([V, V, V],), ([A, A], -1)],
    "mm": [(A, A.T.contiguous())], "dot": [(V, V)], "vdot": [(V, V)], "mv": [(A, V)], "bmm": [(B, torch.rand(2, 4, 5))],
    "baddbmm": [(torch.rand(2, 3, 5), B, torch.rand(2, 4, 5))], "addmm": [(C, A, torch.rand(6, 2))],
    "addmv": [(C, A, V)],
    "_trilinear": [(torch.rand(4, 3), torch.rand(5, 3, 2), torch.rand(4, 2), [1, 3], [0], [1, 2], [2, 3])],
    "convolution": [
        (I3, torch.rand(3, 2, 2), torch.rand(3), [1], [0], [1], False, [0], 1),
        (I4, torch.rand(4, 1, 3, 3), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 2),
        (I4, torch.rand(2, 3, 2, 2), torch.rand(3), [2, 2], [0, 0], [1, 1], True, [0, 0], 1),
        (I4, torch.rand(2, 3, 2, 2), None, [2, 2], [0, 0], [1, 1], True, [0, 0], 2),
    ],
    "_convolution": [
        (I3, torch.rand(3, 2, 2), torch.rand(3), [1], [0], [1], False, [0], 1, False, False, False, False)
    ],
    "embedding": [(A, ROWS), (A, torch.tensor([[0, 1], [1, 0]]))],
    "_embedding_bag": [(A, ROWS, torch.tensor([0, 2]))], "_embedding_bag_forward_only": [(A, ROWS, torch.tensor([0]))],
    "view_as_real": [(Z,)], "view_as_complex": [(B[..., :2].contiguous(),)], "complex": [(A, A)],
    "index_select": [(A, 0, ROWS), (A, 1, ROWS)], "index": [(A, [ROWS]), (A, [None, ROWS]), (A, [ROWS, ROWS])],
    "native_layer_norm": [(A, [6], V, V, 1e-5), (A, [6], None, None, 1e-5)],
    "_fused_rms_norm": [(A, [6], V, 1e-5)],
    "native_group_norm": [(I4, C, C, 1, 2, 24, 1, 1e-5), (I4, None, None, 1, 2, 24, 1, 1e-5)],
    "native_batch_norm": [(*NORMED, False, 0.1, 1e-5), (I4, None, None, C, C, False, 0.1, 1e-5)],
    "_native_batch_norm_legit": [(I4, C, C, True, 0.1, 1e-5)],
    "_native_batch_norm_legit_no_training": [(*NORMED, 0.1, 1e-5)],
    "cudnn_batch_norm": [(*NORMED, False, 0.1, 1e-5)],
    "_batch_norm_with_update": [(*NORMED, 0.1, 1e-5)], "_batch_norm_no_update": [(*NORMED, 0.1, 1e-5)],
    "_weight_norm_interface": [(A, torch.rand(2, 1), 0)],
    "flip": [(B, [0, -1])], "glu": [(A,), (B, -1), (A, 0)],
    "sum": [(B,), (B, [0, -1]), (B, [1], True)], "mean": [(B,), (B, [-1])], "amax": [(B, [1])],
    "amin": [(B, [1], True)], "argmax": [(B, 1), (B,), (B, -1, True)], "argmin": [(B, 1)],
    "var": [(B, [0]), (B, True)], "std": [(B, [0, 1])],
    "prod": [(B, 1), (B,)], "logsumexp": [(B, [-1])], "any": [(B, 1), (B,)], "all": [(B, 2)],
    "norm": [(B, 2.0, [1]), (B, 2.0)], "linalg_vector_norm": [(B, 2.0, [0, 1]), (B,)], "var_mean": [(B, [1])],
    "avg_pool1d": [(I3, [2])], "avg_pool2d": [(I4, [2, 2])], "avg_pool3d": [(I5, [2, 2, 2])],
    "max_pool2d_with_indices": [(I4, [2, 2])], "max_pool3d_with_indices": [(I5, [2, 2, 2])],
    "_adaptive_avg_pool2d": [(I4, [1, 1])], "_adaptive_avg_pool3d": [(I5, [1, 2, 1])],
    "adaptive_max_pool2d": [(I4, [2, 2])], "adaptive_max_pool3d": [(I5, [1, 1, 1])],
    "constant_pad_nd": [(I4, [1, 2])], "reflection_pad1d": [(I3, [1, 1])], "reflection_pad2d": [(I4, [1, 1, 1, 1])],
    "replication_pad1d": [(I3, [1, 1])], "replication_pad2d": [(I4, [0, 1, 1, 1])],
    "upsample_nearest1d": [(I3, [12])], "upsample_nearest2d": [(I4, [8, 12])], "upsample_nearest3d": [(I5, [8, 8, 12])],
    "upsample_bilinear2d": [(I4, [8, 12], False)], "_upsample_bilinear2d_aa": [(I4, [8, 12], False)],
    "upsample_linear1d": [(I3, [12], False)], "upsample_bicubic2d": [(I4, [8, 12], False)],
    "pixel_shuffle": [(torch.rand(1, 4, 2, 3), 2)], "nansum": [(B, [1], True)], "std_mean": [(B, [0])],
    "median": [(B, 1)], "count_nonzero": [(B, [0, 2])], "aminmax": [(B,)],
    "cumsum": [(B, 1)], "cumprod": [(B, 1)], "roll": [(B, [1], [0])], "sort": [(B, -1)],
    "triu": [(A,)], "tril": [(A, -1)],
    "max": [(B,), (A, A), (B, 1), (B, 1, True)], "min": [(B,), (B, -1)], "topk": [(B, 2)], "cummax": [(B, 1)],
}  # fmt: skip


def overload_of(name, args):
    """The overload that torch takes for these arguments."""
    return getattr(getattr(torch.ops.aten, name), torch._C._jit_resolve_packet(f"aten::{name}", *args) or "default")


def shapes_of(name, args):
    called = "native_batch_norm" if name == "cudnn_batch_norm" else name  # needs a GPU, has the same results
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = tree_flatten(getattr(torch.ops.aten, called)(*args))[0]
    return [tuple(result.shape) for result in results if isinstance(result, torch.Tensor)]


def valued(item, make):
    """The argument with every tensor in it made a value."""
    if isinstance(item, list):
        return [valued(entry, make) for entry in item]
    return make(item) if isinstance(item, torch.Tensor) else item


def called(name, args, make):
    """The operation on ``args``, whose tensors become values by ``make``."""
    overload = overload_of(name, args)
    arguments = {key: valued(argument, make) for key, argument in named_arguments(overload, args, {}).items()}
    return Operation(name, result_of(overload), arguments, shapes_of(name, args))
