"""torch in one thread."""

import pytest
import torch

from compare.frameworks.one_thread import one_thread


def test_the_number_is_put_back():
    """Whatever it was, and whatever happens."""
    own = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError):
            _fail_inside()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(own)


def _fail_inside():
    with one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
