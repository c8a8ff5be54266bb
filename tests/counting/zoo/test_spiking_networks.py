"""Spiking networks as people write them, against a brute force over their connections."""

from __future__ import annotations

import pytest
from support.zoo import NETWORKS
from support.zoo.case import Maker, Verdict, judge
from support.zoo.spelled import pairs

REFUSED: dict[str, str] = {}
"""Networks that are refused, with a word of the reason."""


def check(name: str, verdict: Verdict) -> None:
    if name in REFUSED:
        assert verdict.status == "refused", verdict
        assert REFUSED[name] in verdict.why
    else:
        assert verdict.status == "equal", verdict.why


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    check(name, judge(NETWORKS[name], seed=1))


@pytest.mark.parametrize(("name", "maker"), [pytest.param(*p, id=p[0]) for p in pairs(False)])
def test_spikes_in_neurons(name: str, maker: Maker) -> None:
    check(name, judge(maker, seed=2))


def test_few_are_refused() -> None:
    assert 100 * len(REFUSED) <= 5 * len(NETWORKS)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 8))
def test_all_of_them_by_other_seeds(seed: int) -> None:
    everything = [*NETWORKS.items(), *pairs(True)]
    wrong = {
        name: verdict
        for name, maker in everything
        if (verdict := judge(maker, seed)).status != "equal" and name not in REFUSED
    }
    assert not wrong
