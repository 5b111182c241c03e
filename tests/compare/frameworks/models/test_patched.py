"""Calls of modules seen through their classes, which are then as they were."""

import threading

import pytest

from compare.frameworks.models.patched import calls_patched


class Base:
    def __call__(self, x):
        return x + 1


class Inherits(Base):
    """Its call is its base's."""


class Own(Base):
    def __call__(self, x):
        return 2 * super().__call__(x)


def test_each_call_is_handed_over_with_its_plain_function():
    """Of the classes asked for, a base's included where a subclass calls it."""
    seen = []

    def called(module, plain, args, kwargs):
        seen.append(type(module).__name__)
        return plain(module, *args, **kwargs) + 100

    with calls_patched([Base, Own], called):
        assert Base()(1) == 102
        assert Own()(x=1) == 304
    assert seen == ["Base", "Own", "Own"]


def test_classes_are_put_back_also_after_an_error():
    """A class that had no call of its own has none again."""
    before = vars(Base)["__call__"]
    with pytest.raises(ZeroDivisionError), calls_patched([Inherits, Base], lambda *_: 1 / 0):
        Inherits()(1)
    assert vars(Base)["__call__"] is before
    assert "__call__" not in vars(Inherits)
    assert Inherits()(1) == 2


@pytest.mark.parametrize("kinds", [[Base, Inherits], [Inherits, Base]])
def test_an_inherited_call_is_handed_over_once(kinds):
    """Whichever of the two classes comes first."""
    seen = []

    def called(module, plain, args, kwargs):
        seen.append(type(module).__name__)
        return plain(module, *args, **kwargs)

    with calls_patched(kinds, called):
        assert Inherits()(1) == 2
    assert seen == ["Inherits"]


def test_another_threads_calls_are_its_own():
    """The classes belong to the process; who did not ask is not watched."""
    results = []
    with calls_patched([Base], lambda *_: None):
        thread = threading.Thread(target=lambda: results.append(Base()(1)))
        thread.start()
        thread.join()
        assert Base()(1) is None
    assert results == [2]
