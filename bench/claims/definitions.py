"""The claims of the two papers, their margins, and the tasks they are judged on.

Everything that decides a verdict stands here. It is fixed before the runs it judges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from liafbench.bench.results.labels import FAMILY, FAMILY_TASKS

COMPARABLE = 2.0
"""Points: the 95 % interval of a comparable pair's difference lies within plus or minus this."""
FAR_FEWER = 0.5
"""The largest ratio of counts that is "far fewer"."""
MIN_SEEDS = 6
"""Fewer pairs cannot reach p = 0.05 in an exact paired test (2 / 2^5 = 0.0625): no verdict."""
SPIKES_EXPLAIN = 0.10
"""How far the ratio of ACs may lie above the ratio of spike rates: layers differ in fan-out."""
ENGINE = "native"

Test = Literal["comparable", "better", "far fewer", "no extra cost"]


@dataclass(frozen=True)
class Item:
    """What a claim is judged on: one task, or a family of tasks whose blocks count together."""

    name: str
    tasks: tuple[str, ...]
    backbone: str
    static: bool = False

    @property
    def is_family(self) -> bool:
        return len(self.tasks) > 1


@dataclass(frozen=True)
class Scope:
    """What is judged together, and in which suites its runs are found.

    bAbI stands with one recipe in two suites, so its runs serve both. `whole_data`: runs on a part
    of a data set do not count. `reference` has the budget that others are scaled to.
    """

    name: str
    suites: tuple[str, ...]
    items: tuple[Item, ...]
    whole_data: bool
    reference: str

    def only(self, *names: str) -> Scope:
        """The same scope on some of its items."""
        chosen = tuple(item for item in self.items if item.name in names)
        return replace(self, items=chosen)

    def moving(self) -> Scope:
        """Without still images: repeated frames give recurrence nothing to integrate."""
        chosen = tuple(item for item in self.items if not item.static)
        return replace(self, items=chosen)


@dataclass(frozen=True)
class Claim:
    """`subject` against `other`: accuracy for comparable and better, `metric` for far fewer."""

    name: str
    says: str
    test: Test
    subject: str
    other: str
    scope: Scope
    metric: str = "test_accuracy"


BABI = Item(FAMILY, FAMILY_TASKS, "tokens")


def _items(backbone: str, tasks: tuple[str, ...], static: tuple[str, ...] = ()) -> tuple[Item, ...]:
    return tuple(Item(task, (task,), backbone, task in static) for task in tasks)


STILL = ("mnist", "fashion-mnist", "cifar10")
LIAF_PAPER = Scope(
    "LIAF paper",
    ("liaf-net", "claims-small"),
    (BABI, *_items("liaf", ("dvs128-gesture", "mnist-dvs", "cifar10-dvs"))),
    whole_data=True,
    reference="liaf-net",
)
LIAF_SMALL = Scope(
    "LIAF small",
    ("claims-small", "liaf-net"),
    (BABI, *_items("small", ("nmnist", "mnist-events-simulated", "mnist", "fashion-mnist"), STILL)),
    whole_data=False,
    reference="liaf-net",
)
KLIF_PAPER = Scope(
    "KLIF paper",
    ("klif",),
    _items("plif", (*STILL, "nmnist", "cifar10-dvs", "dvs128-gesture"), STILL),
    whole_data=True,
    reference="klif",
)
KLIF_SMALL = Scope(
    "KLIF small",
    ("claims-small",),
    _items("small", ("mnist", "fashion-mnist", "nmnist", "mnist-events-simulated"), STILL),
    whole_data=False,
    reference="klif",
)

COUNTS = (
    ("weights", "weights"),
    ("mac_dense", "operations (dense MAC)"),
    ("mac_effective", "operations (MAC on non-zero inputs)"),
)


def _liaf_accuracy(scope: Scope) -> tuple[Claim, ...]:
    """Comparable to GRU and LSTM on bAbI; better than LIF-SNN, and than its own controls."""
    babi = scope.only(FAMILY)
    claims = [
        Claim(
            f"{subject} ~ {other}",
            f"{subject} is comparable to {other} on bAbI",
            "comparable", subject, other, babi,
        )
        for subject in ("liaf-net", "liaf-net-recurrent")
        for other in ("gru", "lstm")
    ]  # fmt: skip
    claims.append(_better("liaf-net", "lif-snn", scope))
    claims.append(_better("liaf-net-recurrent", "lif-snn-recurrent", babi))
    claims.append(_better("liaf-net", "liaf-net-alpha0", scope))
    return tuple(claims)


def _better(subject: str, other: str, scope: Scope) -> Claim:
    where = "everywhere" if len(scope.items) > 1 else "on bAbI"
    says = f"{subject} is better than {other} {where}"
    return Claim(f"{subject} > {other}", says, "better", subject, other, scope)


def _liaf_cost(scope: Scope) -> tuple[Claim, ...]:
    """Far fewer weights and operations than each recurrent and convolutional model."""
    moving = scope.moving()
    frames = moving.only(*(item.name for item in moving.items if item.backbone != "tokens"))
    return tuple(
        Claim(
            f"{metric}: liaf-net << {other}",
            f"liaf-net needs far fewer {words} than {other} everywhere",
            "far fewer", "liaf-net", other,
            frames if other.startswith("conv") else moving,  # no convolution over tokens
            metric,
        )
        for other in ("lstm", "gru", "conv-lstm", "conv3d")
        for metric, words in COUNTS
    )  # fmt: skip


def _klif(scope: Scope) -> tuple[Claim, ...]:
    says = "klif costs no more than lif-snn everywhere"
    return (
        _better("klif", "lif-snn", scope),
        Claim("cost: klif = lif-snn", says, "no extra cost", "klif", "lif-snn", scope, "ac"),
    )


CLAIMS: tuple[Claim, ...] = (
    *_liaf_accuracy(LIAF_PAPER),
    *_liaf_cost(LIAF_PAPER),
    *_klif(KLIF_PAPER),
    *_liaf_accuracy(LIAF_SMALL),
    *_liaf_cost(LIAF_SMALL),
    *_klif(KLIF_SMALL),
)
