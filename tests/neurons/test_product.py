"""Every combination of options against an independent float64 reference.

`make test` runs a selection in which every two options meet; `make soak` runs them all.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from neuron_cases import SPELLINGS, VARIANT_IDS, VARIANTS, WIDTHS
from neuron_product import (
    DENSE,
    DTYPES,
    FLAGS,
    KERNELS,
    LAYOUTS,
    NAMES,
    RESETS,
    SHARING,
    Setting,
    check,
    drawn,
    families,
    neuron_of,
    problem,
    settings,
)

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons.kernels import cpu_build

PLACES = tuple((family, layout) for family, layouts in LAYOUTS.items() for layout in layouts)
SELECTED = 2400
SHOWN = 5
UNFIT = 0.01
"""Of the problems, the most that may be drawn again because float32 cannot hold the bounds."""


def refuse(setting: Setting) -> None:
    """A setting that does not exist is a UsageError in both engines of the package."""
    draw = torch.Generator().manual_seed(0)
    values = {n: drawn(n, s, (3,), draw) for n, s in zip(NAMES, setting.sharing, strict=True)}
    for engine in ("native", "reference"):
        with pytest.raises(UsageError):
            neuron_of(engine, setting, values, None, 3)


def selection() -> list[tuple[Setting, tuple[str, str], torch.dtype, str]]:
    """Drawn options: setting, shape and layout, type, kernel."""
    draw = random.Random(0)
    chosen = []
    for _ in range(SELECTED):
        setting = Setting(
            draw.randrange(len(VARIANTS)),
            draw.choice([*RESETS]),
            draw.choice([*SPELLINGS]),
            (draw.choice(SHARING), draw.choice(SHARING), draw.choice(SHARING)),
            (draw.choice(FLAGS), draw.choice(FLAGS), draw.choice(FLAGS)),
            draw.choice([*WIDTHS]),
            draw.choice(FLAGS),
            draw.choice(FLAGS),
        )
        places = [p for p in PLACES if p[0] in families(setting.recurrent)]
        kernel = draw.choice(("portable", "reference"))
        chosen.append((setting, draw.choice(places), draw.choice(DTYPES), kernel))
    return chosen


@pytest.mark.parametrize("part", range(10))
def test_a_selection_of_all_combinations(
    force_kernel: Callable[[str | None], None], part: int
) -> None:
    unfit = 0
    for number, (setting, place, dtype, kernel) in enumerate(selection()[part::10]):
        if not setting.allowed:
            refuse(setting)
            setting = setting.legal()
        engine, forced = KERNELS[kernel]
        force_kernel(forced)
        given = problem(setting, place[0], dtype, number)
        check(engine, setting, given, place[1])
        unfit += given.unfit
    assert unfit <= UNFIT * SELECTED / 10


def test_every_two_options_meet_in_the_selection() -> None:
    values: dict[str, tuple[Any, ...]] = {
        "variant": tuple(range(len(VARIANTS))),
        "reset": tuple(RESETS),
        "spelling": tuple(SPELLINGS),
        **{f"{name} shared": SHARING for name in NAMES},
        **{f"{name} learned": FLAGS for name in NAMES},
        "surrogate": tuple(WIDTHS),
        "detach": FLAGS,
        "recurrent": FLAGS,
        "place": PLACES,
        "dtype": DTYPES,
        "kernel": ("portable", "reference"),
    }
    met = set()
    for setting, place, dtype, kernel in selection():
        s = setting.legal()
        row = (s.variant, s.reset, s.spelling, *s.sharing, *s.learned, s.surrogate, s.detach_reset,
               s.recurrent, place, dtype, kernel)  # fmt: skip
        met |= set(itertools.combinations(zip(values, row, strict=True), 2))
    for one, other in itertools.combinations(values, 2):
        for pair in itertools.product(values[one], values[other]):
            if not _impossible({one: pair[0], other: pair[1]}):
                assert ((one, pair[0]), (other, pair[1])) in met


def _impossible(pair: dict[str, Any]) -> bool:
    by_tau = pair.get("spelling", "alpha") != "alpha"
    beta = pair.get("beta shared", "all") != "all"
    soft = pair.get("reset") == "soft" and (beta or pair.get("beta learned", False))
    image = pair.get("recurrent", False) and pair.get("place", DENSE)[0] not in DENSE
    return soft or image or (by_tau and (beta or pair.get("alpha shared", "all") != "all"))


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where compiled variants lie: hundreds that nobody asks for again."""
    return tmp_path_factory.mktemp("variants")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch, variants: Path) -> tuple[str, ...]:
    """All that can be had; what is compiled stays out of the user's cache."""
    monkeypatch.setattr(cpu_build, "cache_folder", lambda: variants)
    try:
        cpu_build.compiler()
    except cpu_build.Unavailable:
        return ("portable", "reference")
    return tuple(KERNELS)


def misses(
    force_kernel: Callable[[str | None], None],
    setting: Setting,
    kernel: str,
    given: Any,
    layout: str,
) -> list[str]:
    """What is wrong with one setting, so that a long test can go on and count them all."""
    engine, forced = KERNELS[kernel]
    force_kernel(forced)
    try:
        check(engine, setting, given, layout)
    except AssertionError as error:
        return [str(error)]
    return []


@pytest.mark.soak
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("variant", range(len(VARIANTS)), ids=VARIANT_IDS)
@pytest.mark.parametrize("turn", range(max(len(layouts) for layouts in LAYOUTS.values())))
def test_every_combination(
    force_kernel: Callable[[str | None], None], kernels: tuple[str, ...], record_property: Any,
    variant: int, reset: str, turn: int,
) -> None:  # fmt: skip
    """All options by all shapes, layouts, types and kernels; parameters are shared alike.

    In each of the turns a setting meets another layout of every shape, until it has met all.
    """
    ran, unfit, problems, missed = 0, 0, 0, []
    for number, both in enumerate(_batched(settings(variant, reset, own=False), len(FLAGS))):
        fixed = both[0]  # the two differ in what is learned alone
        for family, dtype in itertools.product(families(fixed.recurrent), DTYPES):
            layouts = LAYOUTS[family]
            if turn >= len(layouts):
                continue
            given = problem(fixed, family, dtype, 1000 * number)
            problems, unfit = problems + 1, unfit + given.unfit
            for setting, kernel in itertools.product(both, kernels):
                layout = layouts[(number + turn) % len(layouts)]
                missed += misses(force_kernel, setting, kernel, given, layout)
                ran += 1
    forms = len(SPELLINGS) * len(SHARING) * len(FLAGS) * len(WIDTHS) * len(FLAGS)
    shapes, dense = (sum(turn < len(LAYOUTS[f]) for f in some) for some in (LAYOUTS, DENSE))
    assert ran == forms * len(DTYPES) * (shapes + dense) * len(kernels)
    assert not missed, f"{len(missed)} of {ran}: " + "; ".join(missed[:SHOWN])
    assert unfit <= UNFIT * problems
    record_property("runs", ran)
    record_property("drawn again", unfit)


def _batched(items: Any, size: int) -> Any:
    iterator = iter(items)
    while batch := tuple(itertools.islice(iterator, size)):
        yield batch


@pytest.mark.soak
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("variant", range(len(VARIANTS)), ids=VARIANT_IDS)
def test_every_parameter_on_its_own(
    force_kernel: Callable[[str | None], None], kernels: tuple[str, ...], record_property: Any,
    variant: int, reset: str,
) -> None:  # fmt: skip
    """Each parameter shared and learned in its own way, by all options; shapes and types take
    turns. The compiled kernel, which has a variant for each, and the definition see one surrogate
    and one detach_reset for each choice of what is learned. What may not be is refused.
    """
    ran, refused, unfit, problems, missed = 0, 0, 0, 0, []
    learns = [*itertools.product(FLAGS, repeat=3)]
    for number, alike in enumerate(_batched(settings(variant, reset, own=True), len(learns))):
        existing = [s for s in alike if s.allowed]
        for setting in alike:
            if not setting.allowed:
                refuse(setting)
                refused += 1
        if not existing:
            continue
        places = [p for p in PLACES if p[0] in families(existing[0].recurrent)]
        family, layout = places[number % len(places)]
        given = problem(existing[0], family, DTYPES[number // 7 % 2], 1000 * number)
        problems, unfit = problems + 1, unfit + given.unfit
        for setting in existing:
            turn = learns.index(setting.learned)
            its = (setting.surrogate, setting.detach_reset) == (list(WIDTHS)[turn % 4], turn > 3)
            for kernel in kernels:
                if kernel == "portable" or its:
                    missed += misses(force_kernel, setting, kernel, given, layout)
                    ran += 1
    total = len(SPELLINGS) * len(SHARING) ** 3 * len(learns) * len(WIDTHS) * 2 * 2
    kept = 60 if reset == "soft" else 264  # 9 * 4 + 2 * 3 * 4, and 27 * 8 + 2 * 3 * 8
    assert refused == total - kept * len(WIDTHS) * 2 * 2
    assert not missed, f"{len(missed)} of {ran}: " + "; ".join(missed[:SHOWN])
    assert unfit <= UNFIT * problems
    record_property("runs", ran)
    record_property("drawn again", unfit)
    record_property("refused", refused)
