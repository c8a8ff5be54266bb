"""What one call of one operator costs, and the error for what cannot be counted."""

from __future__ import annotations

from dataclasses import dataclass

from liafbench.baselines.errors import UsageError


class UncountableError(UsageError):
    """An operation whose cost is not known; the message names the operator and the module."""


@dataclass(frozen=True)
class Tally:
    """Operations of one call, for the whole batch.

    `macs`: multiply-accumulates, padding taps included. `additions`, `multiplications`, `others`
    (comparisons, selections, elementary functions): everything that is not part of a MAC.
    `updates`: steps of neurons. `dot_additions`: additions inside dot products in the convention
    of the authors of LIAF-Net, k^2 - 1 for each kernel.
    """

    macs: int = 0
    additions: int = 0
    multiplications: int = 0
    others: int = 0
    updates: int = 0
    dot_additions: int = 0

    @property
    def elementwise(self) -> int:
        """All operations outside of MACs."""
        return self.additions + self.multiplications + self.others

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.macs + other.macs,
            self.additions + other.additions,
            self.multiplications + other.multiplications,
            self.others + other.others,
            self.updates + other.updates,
            self.dot_additions + other.dot_additions,
        )

    def times(self, calls: int) -> Tally:
        """The same, `calls` times."""
        return Tally(
            self.macs * calls,
            self.additions * calls,
            self.multiplications * calls,
            self.others * calls,
            self.updates * calls,
            self.dot_additions * calls,
        )


NOTHING = Tally()
