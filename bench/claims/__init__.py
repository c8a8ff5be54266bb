"""The papers' claims as code: fixed margins, five verdicts."""

from __future__ import annotations

from liafbench.bench.claims.definitions import CLAIMS, Claim, Item, Scope
from liafbench.bench.claims.frames import claims_frame, items_frame
from liafbench.bench.claims.judge import judge
from liafbench.bench.claims.verdict import Finding, Judgement, Verdict

__all__ = [
    "CLAIMS",
    "Claim",
    "Finding",
    "Item",
    "Judgement",
    "Scope",
    "Verdict",
    "claims_frame",
    "items_frame",
    "judge",
]
