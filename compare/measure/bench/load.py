"""What else the machine does while something is timed: how long our threads waited for a processor, and who else ran.

Wall time on a busy machine favours whoever has more threads ready to run, so a ratio measured there is none. The kernel
counts both (``/proc/self/task/*/schedstat`` and ``/proc/stat``, proc(5)); where it does not, processor over wall time
is all there is.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compare.sides.progress import Progress, say_nothing

WAITED = 0.02  # of a block's wall time: beyond it another program had the processor
LOOK = 0.5  # seconds that show what others do: the kernel counts in hundredths
OTHERS = 0.1  # of the machine's processors, used by others: beyond it they share caches, clock and memory with us
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
NANOSECONDS = 1e9
BUSY = (0, 1, 2, 5, 6, 7)  # of the first line of /proc/stat: user, nice, system, irq, softirq, stolen by the host


@dataclass(frozen=True)
class Reading:
    """The counters at one moment, in seconds.

    Attributes:
        wall: of a clock that only goes forward.
        own: processor time of this process, all threads.
        waited: what its living threads have stood ready without a processor; None where the kernel does not tell.
        machine: processor time of all processes, and what the host took; None likewise.
    """

    wall: float
    own: float
    waited: float | None
    machine: float | None


@dataclass(frozen=True)
class Load:
    """What happened between two readings.

    Attributes:
        wall: seconds. own: processor seconds of this process.
        waited: the share of ``wall`` that its threads stood ready without a processor; None where nobody tells.
        others: how many processors everybody else kept busy; None likewise.
    """

    wall: float
    own: float
    waited: float | None
    others: float | None

    @property
    def processors(self) -> float:
        """How many processors this process kept busy."""
        return self.own / self.wall if self.wall > 0 else 0.0


def read() -> Reading:
    """The counters now."""
    return Reading(time.perf_counter(), time.process_time(), _waited(), _machine())


def between(before: Reading, after: Reading) -> Load:
    """What happened from ``before`` to ``after``."""
    wall, own = after.wall - before.wall, after.own - before.own
    waited = others = None
    if before.waited is not None and after.waited is not None and wall > 0:
        waited = max(0.0, after.waited - before.waited) / wall
    if before.machine is not None and after.machine is not None and wall > 0:
        others = max(0.0, after.machine - before.machine - own) / wall
    return Load(wall, own, waited, others)


def blind() -> bool:
    """Whether the kernel tells nothing of what others do: a machine that is busy all the time looks quiet."""
    first = read()
    while time.process_time() - first.own < 3 / TICK:  # a counter that does not see our own work sees nobody's
        pass
    now = read()
    return first.machine is None or now.machine is None or now.machine <= first.machine


def crowded(load: Load, cores: int) -> str:
    """Why nothing should be timed beside what ``load`` shows, in words; empty where nothing speaks against it."""
    if load.others is not None and load.others > OTHERS * cores:
        return f"other work kept {load.others:.1f} of {cores} processors busy"
    return ""


def quiet(patience: float, progress: Progress = say_nothing) -> str:
    """Wait until the machine is quiet: why it is not after ``patience`` seconds, in words; empty where it is."""
    until, waiting = time.monotonic() + patience, False
    while True:
        before = read()
        time.sleep(LOOK)
        why = crowded(between(before, read()), cores())
        if not why or time.monotonic() > until:
            return why
        if not waiting:
            progress(f"waiting at most {patience:.0f} s: {why}")
        waiting = True


def cores() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _waited() -> float | None:
    total, found = 0, False
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):  # a thread that has ended, or no such counter
            total, found = total + int(path.read_text().split()[1]), True
    return total / NANOSECONDS if found else None


def _machine() -> float | None:
    with suppress(OSError, IndexError, ValueError):
        with Path("/proc/stat").open() as file:
            counts = [int(word) for word in file.readline().split()[1:]]
        return sum(counts[place] for place in BUSY) / TICK
    return None
