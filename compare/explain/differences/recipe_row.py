"""The form of a row of "The optimizers, translated": what a person writes by the same names, and what torch's is.

Every code is executed as it stands: ``p`` are torch's parameters, ``o`` its optimizer; ``optax`` is optax, and the last
column is of ``jaxport.optimizers``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class OptimizerRow:
    """One recipe.

    Attributes:
        name: what it is.
        torch: the optimizer.
        naive: the optax form that is written by the same names.
        twin: the equal one; empty where there is none.
        differs: what differs, in words; empty where nothing does.
        scheduler, clip: torch's, where there is one.
        only: the parameters that are trained; all where it is empty.
        steps: over how many they are compared.
        every: how many gradients make one step; torch's line for each of them is ``backward``.
        averages: of the parameters, which are compared in their place: torch's, the naive and the equal one, the last
            two as the next from ``average`` and ``params``.
    """

    name: str
    torch: str
    naive: str
    twin: str
    differs: str = ""
    scheduler: str = ""
    clip: str = ""
    only: tuple[str, ...] = ()
    steps: int = 100
    every: int = 1
    averages: tuple[str, ...] = ()

    @property
    def around(self) -> bool:
        """Whether the row is of what is done around an optimizer, and not of the optimizer."""
        return self.every > 1 or bool(self.averages)

    @property
    def torch_codes(self) -> tuple[str, ...]:
        """All that is written on torch's side."""
        backward = f"(loss / {self.every}).backward()" if self.every > 1 else ""
        return tuple(filter(None, (self.torch, self.scheduler, self.clip, backward, *self.averages[:1])))
