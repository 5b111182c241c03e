"""The same tasks by Ray, on a local one of two workers."""

import importlib.util
import sys
import types
import warnings

import pytest

from compare.cli.many.on_ray import check_ray, on_ray
from compare.errors import UsageError
from tests.compare.cli.many.small_tasks import MATCH, SLEEP, small
from tests.compare.cli.many.test_child import gone
from tests.compare.command_line import jaxport, refused

HAS_RAY = importlib.util.find_spec("ray") is not None
with_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: pip install ray")
# A task that ends the worker that started it, unless the file is there already.
ONCE = "import os, time; from pathlib import Path; there = Path({file!r}); first = not there.exists(); there.touch(); "
KILLS = "os.kill(os.getppid(), 9) if {when} else None; time.sleep(600 if {when} else 0); "


def killing(file, when: str) -> str:
    return ONCE.format(file=str(file)) + KILLS.format(when=when) + MATCH


@pytest.mark.usefixtures("elsewhere")
def test_where_it_is_missing(monkeypatch):
    """One line, before anything is begun."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"^--engine ray: Ray is not installed here: pip install ray"):
        check_ray()
    assert "Ray is not installed here" in refused(jaxport("verify", "*.py", "--engine", "ray"))


@pytest.fixture
def quiet():
    """Ray leaves files open; its warnings are none of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@with_ray
@pytest.mark.usefixtures("quiet")
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_is_rays_to_answer(tmp_path):
    """It tries again by itself, and gives up after as often as it does: that is a row like any other. What a task's own
    process comes to is no worker's failure."""
    tasks = [
        small("good", MATCH),
        small("ends", "import sys; sys.exit('jaxport: no')"),
        small("hangs", SLEEP),
        small("killed once", killing(tmp_path / "once", "first")),
        small("killed always", killing(tmp_path / "always", "True")),
    ]
    found = {task.name: ended for task, ended in on_ray(tasks, 10.0, 2)}
    codes = {name: (ended.code, ended.result is not None) for name, ended in found.items()}
    assert codes.pop("killed always")[1] is False
    assert codes == {
        "good": (0, True), "ends": (1, False), "hangs": (None, False), "killed once": (0, True),
    }  # fmt: skip
    assert found["ends"].said == "jaxport: no\n"
    assert found["killed always"].lost.startswith("Ray: WorkerCrashedError")


@with_ray
@pytest.mark.usefixtures("quiet")
@pytest.mark.filterwarnings("ignore")
def test_whoever_stops_to_ask_has_cancelled_them(tmp_path):
    """Workers end what they started."""
    pid = tmp_path / "pid"
    tell = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    wait = f"import os, time\nwhile not os.path.exists({str(pid)!r}): time.sleep(0.05)\n{MATCH}"
    ends = on_ray([small("waits", tell), small("good", wait)], 600.0, 2)
    assert next(ends)[0].name == "good"
    ends.close()
    assert gone(int(pid.read_text()))


class Elsewhere(types.ModuleType):
    """In the place of Ray: no cluster answers, for which Ray itself waits for minutes."""

    def __init__(self):
        super().__init__("ray")
        self.given = []

    def init(self, **given):
        self.given.append(given)
        raise ConnectionError("Failed to connect to the cluster\nat all")


@pytest.mark.parametrize(
    ("variable", "address", "at_once", "where", "processors"),
    [
        ("", None, 2, "local", 2),
        ("", "10.0.0.1:6379", None, "10.0.0.1:6379", None),
        ("ray://head:10001", None, 2, "ray://head:10001", None),
        ("ray://head:10001", "auto", None, "auto", None),
    ],
)
def test_no_cluster_there(variable, address, at_once, where, processors, monkeypatch):
    """One line that says where; how many run at once is a cluster's own to say."""
    ray = Elsewhere()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", variable)
    with pytest.raises(UsageError, match=f"no cluster at {where} .Failed to connect to the cluster at all.$"):
        next(on_ray([small("good", MATCH)], 1.0, at_once, address=address))
    assert (ray.given[0]["address"], ray.given[0]["num_cpus"]) == (where, processors)
