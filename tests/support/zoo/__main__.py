"""The table of the zoo: `PYTHONPATH=tests python -m support.zoo [--soak]`."""

from __future__ import annotations

import sys
from collections import Counter

import torch
from support.zoo import NETWORKS
from support.zoo.case import judge
from support.zoo.spelled import pairs


def main(soak: bool) -> int:
    """Prints what is not equal, then how many are; exit code 1 where numbers differ."""
    torch.set_num_threads(1)
    groups = {"networks": list(NETWORKS.items()), "spikes x neurons": list(pairs(soak))}
    wrong = False
    for group, makers in groups.items():
        found: Counter[str] = Counter()
        for name, maker in makers:
            for seed in range(1, 6) if soak else (1, 2):
                verdict = judge(maker, seed)
                found[verdict.status] += 1
                if verdict.status != "equal":
                    sys.stdout.write(f"{name}, seed {seed}: {verdict.status}: {verdict.why}\n")
        wrong |= found["differs"] > 0
        counts = ", ".join(f"{found[s]} {s}" for s in ("equal", "refused", "differs"))
        sys.stdout.write(f"{group}: {len(makers)} forms, {found.total()} cases: {counts}\n")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main("--soak" in sys.argv[1:]))
