"""The papers' claims as code: fixed margins, five verdicts."""

from __future__ import annotations

from liafbench.bench.claims.definitions import CLAIMS, Claim, Item, Scope
from liafbench.bench.claims.judge import judge
from liafbench.bench.claims.tables import claims_table, items_table
from liafbench.bench.claims.verdict import ItemVerdict, Judgement, Verdict

__all__ = [
    "CLAIMS",
    "Claim",
    "Item",
    "ItemVerdict",
    "Judgement",
    "Scope",
    "Verdict",
    "claims_table",
    "items_table",
    "judge",
]
