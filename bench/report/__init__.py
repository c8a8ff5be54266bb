"""One HTML file of a results folder that needs nothing else."""

from liafbench.bench.report.write import html, write_report

__all__ = ["html", "write_report"]
