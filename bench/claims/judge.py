"""Every claim at both sizes of comparison, from the records of all suites."""

from __future__ import annotations

from collections.abc import Sequence

from liafbench.bench.claims.accuracy import judge_accuracy
from liafbench.bench.claims.cost import judge_cost
from liafbench.bench.claims.definitions import CLAIMS, Claim
from liafbench.bench.claims.pairs import BUDGETS, Evidence
from liafbench.bench.claims.verdict import Judgement, conclude
from liafbench.bench.results import Results


def judge(results: Results, claims: Sequence[Claim] = CLAIMS) -> list[Judgement]:
    """One judgement per claim and budget, in the claims' order; `results` are selected."""
    evidence = Evidence(results)
    return [_judge(claim, budget, evidence) for claim in claims for budget in BUDGETS]


def _judge(claim: Claim, budget: str, evidence: Evidence) -> Judgement:
    one = judge_accuracy if claim.test in ("comparable", "better") else judge_cost
    findings = [one(claim, item, budget, evidence) for item in claim.scope.items]
    return conclude(claim, budget, findings)
