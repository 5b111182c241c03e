"""The processes of one side, started by its framework's own means, waited for, and ended with all that they started.

torch's are started by its launcher (``torchrun``), which ends all where one ends. JAX has no launcher: each process is
started by itself and told where to meet the others.
"""

import re
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from compare.cli.itself import itself
from compare.cli.many.child import PAUSE, Child
from compare.cli.many.in_processes import threads_each
from compare.cli.many.many import ended_by_signals
from compare.cli.many.task import PYTHON, RESULT, Ended, Task
from compare.cli.many.task_outcome import ENDED, last_words, signal_in_words
from compare.errors import UsageError
from compare.report.contract import Form

SIDE = "JAXPORT_PROCESSES_OF"  # in a process that was started here: whose it is
REFERENCE, PORT = "reference", "port"
SIGNALLED = re.compile(r"Signal (\d+) \(SIG[A-Z]+\) received by PID")  # as torchrun says it of a process
TRIES = 3  # ports, one after the other


def trained_reference(words: Sequence[str], processes: int, limit: float) -> Form:
    """What the first process of the reference's wrote.

    Raises:
        UsageError: one of them ended before, or they were out of time.
    """
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))
    task = Task(REFERENCE, (PYTHON, *launcher, _command(), *words, "--json", RESULT))
    # The launcher itself puts the working folder on the path, which may hold anything's namesake.
    return waited_for([(task, {"PYTHONSAFEPATH": "1"})], REFERENCE, processes, limit)


def trained_port(words: Sequence[str], processes: int, limit: float) -> Form:
    """What the first process of the port's wrote.

    Raises:
        UsageError: one of them ended before, or they were out of time.
    """
    for _ in range(TRIES):
        port = _free_port()
        try:
            return _port_at(port, words, processes, limit)
        except UsageError:
            if not _is_taken(port):
                raise
    raise UsageError(f"no port of this machine's stays free for the {PORT}'s processes to meet at: tried {TRIES}")


def _port_at(port: int, words: Sequence[str], processes: int, limit: float) -> Form:
    where = {"JAX_COORDINATOR_ADDRESS": f"localhost:{port}", "PROCESSES": str(processes)}
    tasks = []
    for number in range(processes):
        task = Task(f"{PORT} {number}", (PYTHON, "-P", _command(), *words, "--json", RESULT))
        tasks.append((task, where | {"PROCESS": str(number), "JAX_NUM_CPU_DEVICES": "1"}))
    return waited_for(tasks, PORT, processes, limit)


def waited_for(tasks: Sequence[tuple[Task, Mapping[str, str]]], side: str, processes: int, limit: float) -> Form:
    """What the first of these processes wrote, each run with variables of its own, once all have ended.

    Raises:
        UsageError: one of them ended by a signal or with another code than 0, or they were out of time: the others are
            ended then.
    """
    shared = {SIDE: side, **threads_each(processes)}
    children, ended = list[Child](), list[Ended | None]([None] * len(tasks))
    try:
        with ended_by_signals():
            for task, own in tasks:
                children.append(Child(task, limit, {**shared, **own}))
            while not all(ended):
                for place, child in enumerate(children):
                    ended[place] = ended[place] or child.ended()
                if failed := [one for one in ended if one and one.code != 0]:
                    # One that says why before one that was ended by what became of it.
                    first = next((one for one in failed if _own_lines(one)), failed[0])
                    raise UsageError(_why(first, side, processes, limit))
                time.sleep(PAUSE)
    finally:
        left = [child for child, one in zip(children, ended, strict=False) if one is None]
        for child in left:  # all of them first: they end at the same time
            child.ask()
        for child in left:
            child.end()
    result = ended[0].result if ended[0] else None
    if result is None:
        raise UsageError(
            f"the {side}'s processes ended without a result: {last_words(ended[0].said if ended[0] else '')}"
        )
    return result


def _why(failed: Ended, side: str, processes: int, limit: float) -> str:
    """One line."""
    if own := _own_lines(failed):
        return own[0]
    if failed.code is None:
        return f"the {side}'s {processes} processes had not ended after {limit:g} s"
    told = SIGNALLED.findall(failed.said)  # the first that failed is the last that it names
    number = int(told[-1]) if told else -failed.code
    how = signal_in_words(number) if number > 0 else f"ended with exit code {failed.code}: {last_words(failed.said)}"
    return f"one of the {side}'s {processes} processes was {how}; the others were ended too"


def _own_lines(ended: Ended) -> list[str]:
    """What jaxport itself said."""
    return [own["text"] for line in ended.said.splitlines() if (own := ENDED.match(line))]


def _command() -> str:
    return itself()[-1]


def _is_taken(port: int) -> bool:
    """By somebody else, once ours have ended: between being found free and being taken it belongs to nobody. JAX ends
    by a signal then, and does not say why."""
    with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    """Of this machine, as the system gives it."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return int(one.getsockname()[1])
