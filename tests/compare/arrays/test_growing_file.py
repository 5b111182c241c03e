"""One file for all that is put aside: extents of any number on few descriptors, holes filled again, nothing lost."""

import errno
import gc
import os
import resource
import tempfile

import numpy as np
import pytest

from compare.arrays import growing_file
from compare.arrays.growing_file import GrowingFile, open_file
from compare.errors import UsageError

MIB = 1 << 20


def forget(size: int) -> None:
    """Nobody counts."""


def taken(file: GrowingFile, size: int) -> np.ndarray:
    return np.asarray(file.take(size, forget))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def on_disk(file: GrowingFile) -> int:
    return os.fstat(file._file.fileno()).st_blocks * 512


def test_however_many_there_are_few_descriptors_are_held():
    """Each its own bytes, wherever it lies, at bounds that both frameworks take without a copy."""
    before, file = descriptors(), GrowingFile(first=1 << 16)
    rng = np.random.default_rng(0)
    arrays = [taken(file, int(size)) for size in rng.integers(1, 200_000, 300)]
    for number, array in enumerate(arrays):
        array[:] = number % 251
    file.let_pages_go()
    assert all((array == number % 251).all() for number, array in enumerate(arrays))
    assert all(array.ctypes.data % 64 == 0 for array in arrays)
    assert descriptors() - before < 15


def test_what_is_gone_is_taken_again_and_the_disk_gets_it_back():
    """The file grows no further, holes side by side are one, and it takes no room for them."""
    counted = []
    file = GrowingFile(first=64 * MIB)
    held = [np.asarray(file.take(8 * MIB, counted.append)) for _ in range(7)]
    for array in held:
        array[:] = 1
    assert on_disk(file) >= 7 * 8 * MIB
    del held[1:6], array
    gc.collect()
    assert counted == [8 * MIB] * 7 + [-8 * MIB] * 5
    assert file.bytes_taken == 16 * MIB
    assert on_disk(file) < 16 * MIB + growing_file.GIVEN_BACK
    large = taken(file, 40 * MIB)
    assert file._segments[0].size == 64 * MIB
    assert len(file._segments) == 1
    large[:] = 2
    assert (held[0] == 1).all()
    assert (held[1] == 1).all()


def test_many_small_ones_are_reserved_together(monkeypatch):
    """File systems take long over thousands of single pages; and what was given back is taken first."""
    reserved, reserve = [], os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", lambda *given: (reserved.append(given), reserve(*given)))
    file = GrowingFile()
    held = [file.take(5000, forget) for _ in range(1000)]
    assert len(reserved) <= 1000 * 5056 // growing_file.CHUNK + 1
    del held[::2]
    held += [file.take(5000, forget) for _ in range(500)]
    assert file.bytes_taken < 1001 * 5056
    assert len(reserved) <= 1000 * 5056 // growing_file.CHUNK + 1


def test_what_goes_while_the_file_is_at_work_is_given_back_afterwards():
    """Python looks for what is gone at any moment, in the middle of that too."""
    file, counted = GrowingFile(), []
    one = file.take(10, counted.append)
    with file._lock:
        del one
        gc.collect()
        assert counted == [10]
    file.settle()
    assert counted == [10, -10]


def test_a_forked_process_has_a_file_of_its_own():
    """And takes nothing of its parent's extents, nor gives any back."""
    own = open_file()
    assert open_file() is own
    array = taken(own, 2 * growing_file.GIVEN_BACK)
    array[:] = 7
    child = os.fork()
    if not child:
        other = open_file()
        apart = taken(other, 1000)
        apart[:] = 8
        apart = array = None
        gc.collect()
        other.settle()
        os._exit(0 if other is not own else 1)
    assert os.waitpid(child, 0)[1] == 0
    own.settle()
    assert (array == 7).all()


def test_it_has_no_name(tmp_path, monkeypatch):
    """Whatever ends the process, nothing is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = taken(GrowingFile(), 10)
    array[:] = 1
    assert list(tmp_path.iterdir()) == []
    assert array.sum() == 10


def refusing(number: int):
    def refuse(*given: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_no_room_is_said_before_anything_is_written(monkeypatch):
    """A file with holes would end the process at the first write into one. What was taken for it is free again."""
    file = GrowingFile()
    kept = taken(file, 5 * MIB)
    monkeypatch.setattr(os, "posix_fallocate", refusing(errno.ENOSPC))
    with pytest.raises(UsageError, match=r"no room to put 7.8 KiB .*No space left.*5.0 MiB lie there: set TMPDIR"):
        file.take(8000, forget)
    assert file.bytes_taken == kept.nbytes


def test_what_was_given_back_is_room_again_where_the_disk_is_full(monkeypatch):
    """It is asked once more after the disk got its own back."""
    file, asked = GrowingFile(), []

    def full_at_first(*given: object) -> None:
        asked.append(given)
        if len(asked) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full_at_first)
    assert taken(file, 8000).nbytes == 8000
    assert len(asked) == 2


def test_too_many_open_files_are_not_a_full_disk():
    """Another folder would not help."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(UsageError, match=r"Too many open files\): close some .*ulimit -n"):
            GrowingFile()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_system_that_reserves_nothing_writes_zeros(monkeypatch):
    """So that there is room for what comes."""
    monkeypatch.delattr(os, "posix_fallocate")
    file = GrowingFile()
    assert not taken(file, 3 * MIB + 5).any()
    assert on_disk(file) >= 3 * MIB


def test_a_limit_on_addresses_leaves_room_for_what_is_needed(monkeypatch):
    """A segment is no larger than it must be, then."""
    file, segment = GrowingFile(), growing_file.Segment

    def small(number: int, offset: int, size: int) -> object:
        if size > MIB:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return segment(number, offset, size)

    monkeypatch.setattr(growing_file, "Segment", small)
    assert taken(file, 8000).nbytes == 8000
