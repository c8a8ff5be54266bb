"""Benchmarks of asv: lower is better everywhere, versions are pinned by hand.

asv imports this folder as a package of its own, beside the installed project: what is measured is
the commit's code, by the benchmarks of the working tree. Raise a benchmark's `version` when it
measures something else than before.
"""
