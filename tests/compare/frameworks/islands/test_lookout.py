"""What a run has in a table's place, whole or in pieces."""

import numpy as np
import pytest

from compare.frameworks.islands.lookout import Lookout, Piece, Window, windows_of

ANGLES = np.outer(np.arange(6), [1.0, 0.1, 0.01])
COS, SIN = np.cos(ANGLES), np.sin(ANGLES)


def narrow(table: np.ndarray) -> np.ndarray:
    return table.astype(np.float32)


def shown(lookout: Lookout, *arrays: np.ndarray) -> Lookout:
    for array in arrays:
        lookout.see(array.shape, lambda array=array: array)
    return lookout


def assembled(table: np.ndarray, pieces: list[Piece]) -> np.ndarray:
    values = table.astype(np.float64)
    for piece in pieces:
        for window in piece.windows:
            values[window.place] = piece.values
    return values


@pytest.mark.parametrize(
    ("table", "pieces"),
    [
        (COS, [COS]),
        (COS, [COS[None, :, None]]),
        (np.stack([COS, SIN]), [COS, SIN]),
        (np.stack([COS, SIN], -1), [SIN, COS]),
        (np.concatenate([COS, COS], -1), [COS]),
        (np.concatenate([SIN, COS], -1), [COS, SIN]),
        (COS.astype(complex) + 1j * SIN, [COS + 1j * SIN]),
    ],
    ids=["whole", "axes of length 1", "stacked", "stacked last", "twice", "side by side", "complex"],
)
def test_a_table_is_put_together_from_its_pieces(table, pieces):
    """In whatever order a run makes them, other arrays among them."""
    rounded = table.astype(np.complex64) if np.iscomplexobj(table) else narrow(table)
    lookout = shown(Lookout([rounded]), np.ones(6), *pieces, np.ones((6, 3)), np.eye(6), np.float64(1.0))
    np.testing.assert_array_equal(assembled(rounded, lookout.pieces(0)), table) if not np.iscomplexobj(table) else None
    assert len(lookout.pieces(0)) == len(pieces)


def test_of_a_longer_table_the_first_rows_are_found():
    """The rows that no piece stands for stay as they are."""
    (piece,) = shown(Lookout([narrow(COS)]), COS[:2]).pieces(0)
    assert piece.windows == (Window(0, 0, 2),)
    np.testing.assert_array_equal(piece.values, COS[:2])


def test_the_nearest_counts_and_the_first_of_those_about_as_near():
    """Another table of the shape is farther off; one that is equal already is none."""
    lookout = shown(Lookout([narrow(COS), narrow(SIN)]), COS * 1.001, COS, COS * (1 + 1e-9), COS + 0.0, narrow(SIN))
    assert [piece.order for piece in lookout.pieces(0)] == [1]
    assert lookout.pieces(1) == []


@pytest.mark.parametrize("other", [SIN, COS.T, COS + 0j, COS[:, :2], np.where(COS == 1, np.inf, COS)])
def test_another_array_is_no_piece(other):
    """Nor is one of another kind, or one with other entries that are not finite."""
    assert shown(Lookout([narrow(COS)]), other).pieces(0) == [] or other.shape == (6, 2)


def test_entries_that_are_not_finite_stand_in_the_same_places():
    """A mask's minus infinity is in both."""
    masked = np.where(COS < 0, -np.inf, COS)
    (piece,) = shown(Lookout([narrow(masked)]), masked).pieces(0)
    np.testing.assert_array_equal(piece.values, masked)


def test_a_second_run_counts_alike():
    """The values of the numbers that are asked for, whatever became of them; copied, since a run may go on in place."""
    values = np.zeros(3)
    lookout = Lookout(wanted=(1,))
    shown(lookout, COS, values, SIN)
    values += 1
    assert {order: array.tolist() for order, array in lookout.kept.items()} == {1: [0.0, 0.0, 0.0]}


def test_where_a_piece_can_stand():
    """At multiples of its own length along one axis; nowhere, if two axes differ or it is one number."""
    assert list(windows_of((4, 3), (4, 3))) == [Window()]
    assert list(windows_of((5, 3), (2, 3))) == [Window(0, 0, 2), Window(0, 2, 4)]
    assert list(windows_of((2, 3), (3,))) == [Window(0, 0), Window(0, 1)]
    assert [window.place for window in windows_of((3, 2), (3,))] == [(slice(None), 0), (slice(None), 1)]
    for piece in [(2, 2), (), (6, 3), (4,)]:
        assert list(windows_of((5, 3), piece)) == []
