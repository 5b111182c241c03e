"""Something measured in a process of its own: where its memory lies and what its compilers choose is drawn anew.

The parent imports neither framework. It sets what both read when they start (``threads.pin``), and children inherit it.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from compare.errors import UsageError, in_one_line, swallowed
from compare.sides.progress import Progress

Question = TypeVar("Question")
Answer = TypeVar("Answer")
SAID, ANSWERED, REFUSED = "said", "answered", "refused"


def in_fresh_process(ask: Callable[[Question, Progress], Answer], question: Question, progress: Progress) -> Answer:
    """What ``ask`` returns of ``question`` in a new process, which ends with it.

    Args:
        ask: a module's own function, which the new process imports; it is given a progress of its own.
        question: what can be pickled, as the answer must be.
        progress: told what the child's is told.

    Raises:
        UsageError: the child raised it, anything else, or ended without an answer.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(ask, question, theirs), daemon=True)
    child.start()
    theirs.close()  # so that the pipe ends with the child
    try:
        while True:
            kind, content = ours.recv()
            if kind == ANSWERED:
                return content
            if kind == REFUSED:
                raise UsageError(content)
            progress(content)
    except EOFError as error:
        child.join()
        raise UsageError(
            f"a process of the benchmark ended with code {child.exitcode} and no answer: is there enough memory?"
        ) from error
    finally:
        child.terminate()  # where we were interrupted; one that has answered is on its way out
        child.join()
        ours.close()


def _answer(ask: Callable[[Question, Progress], Answer], question: Question, pipe: Connection) -> None:
    try:
        answer = ask(question, lambda now: pipe.send((SAID, now)))
    except UsageError as error:
        pipe.send((REFUSED, str(error)))
    except KeyboardInterrupt:  # Ctrl-C reaches every process of the terminal; the parent says so
        pass
    except Exception as error:
        swallowed(error)
        pipe.send((REFUSED, f"the benchmark raised {in_one_line(error, 300)}"))
    else:
        pipe.send((ANSWERED, answer))
