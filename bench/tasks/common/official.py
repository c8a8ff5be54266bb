"""Whether what is read is the official data set, where its checksums are known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks.common.checking import CORRUPT, check_file, joined
from liafbench.bench.tasks.common.checksums import Memo
from liafbench.bench.tasks.common.task import Source


def differing(source: Source, paths: Iterable[Path]) -> str:
    """A note that names those of the files read that are not the official ones, "" for none.

    A path whose official checksum is not known passes. UsageError, with the checksums found and
    expected, unless a partial set is allowed.
    """
    known = {
        source.folder / place: file
        for file in source.task.files
        for place in (file.path, *file.also)
    }
    with Memo() as memo:
        states = {path: check_file(known[path], path, memo) for path in paths if path in known}
    others = {path: state.detail for path, state in states.items() if state.state == CORRUPT}
    if others and not source.allow_partial:
        raise UsageError(
            f"{source.task.name}: not the official file in {next(iter(others)).parent}: "
            f"{joined(others.values())}; allow a partial set to use it as it is"
        )
    return f"not the official file: {joined(p.name for p in others)}" if others else ""
