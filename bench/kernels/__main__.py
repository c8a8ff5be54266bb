"""`python -m bench.kernels [results folder]`: the neurons benchmark, its bounds in the end."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.cli.console import console, note
from bench.kernels import run
from bench.kernels.report import frame, markdown


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results")
    found = run(out, progress=note.print)
    console.print(markdown(frame(found.verdicts())))


if __name__ == "__main__":
    main()
