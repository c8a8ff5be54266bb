"""The command line: the only place that prints."""

from bench.cli.main import main

__all__ = ["main"]
