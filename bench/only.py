"""What `--only KEY=VALUE` leaves of a suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from liafbench.baselines.errors import UsageError, unknown


@dataclass(frozen=True)
class Only:
    """The values that are wanted of each key; of a key that is not there all of them."""

    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def read(words: Iterable[str]) -> Only:
        """From "KEY=VALUE" or "KEY=VALUE,VALUE"; a key that comes again adds to its values."""
        wanted: dict[str, tuple[str, ...]] = {}
        for text in words:
            key, equals, values = text.partition("=")
            if not equals:
                example = "for instance --only task=digits-dvs"
                raise UsageError(f"--only {text}: write KEY=VALUE, {example}")
            wanted[key] = (*wanted.get(key, ()), *values.split(","))
        return Only(wanted)

    def check(self, suite: str, keys: Iterable[str], named: Iterable[Mapping[str, str]]) -> None:
        """UsageError for a key that does not exist, and for a value that nothing in a suite has."""
        known: dict[str, set[str]] = {key: set() for key in keys}
        for names in named:
            for key in known:
                known[key].add(names[key])
        for key, values in self.wanted.items():
            if key not in known:
                raise unknown("key in --only", key, known)
            for value in values:
                if value not in known[key]:
                    raise unknown(f"{key} in --only for suite {suite}:", value, known[key])

    def takes(self, names: Mapping[str, str]) -> bool:
        """Whether what has these names is wanted."""
        return all(names[key] in values for key, values in self.wanted.items())

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def __str__(self) -> str:
        return " ".join(f"--only {key}={','.join(values)}" for key, values in self.wanted.items())
