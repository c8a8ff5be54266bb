"""Other counted samples do not train a network again, and give what training it would."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from support.toy_suite import Heard, records, run, suite

from bench.counting.trained import MEASURED
from bench.runs.cells import training_cells
from bench.runs.session import Session
from bench.suites import Suite

BASELINES = ("lif-snn", "lstm")


def counting(samples: int, **recipe: object) -> Suite:
    toy = suite(*BASELINES, **recipe)
    return toy.model_copy(
        update={"measure": toy.measure.model_copy(update={"count_samples": samples})}
    )


def trained_epochs(heard: Heard) -> int:
    return len(heard.epochs)


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """What training with five counted samples gives where nothing was there before."""
    return run(counting(5), tmp_path_factory.mktemp("anew"))[0]


def current(session: Session) -> pd.DataFrame:
    return records(session).drop(columns="run_id").reset_index(drop=True)


@pytest.mark.parametrize("before", [2, 0])
def test_counting_again_gives_what_training_again_would(
    anew: Session, tmp_path: Path, before: int
) -> None:
    first, heard = run(counting(before), tmp_path)
    assert trained_epochs(heard) == 4
    again, heard = run(counting(5), tmp_path)
    assert (trained_epochs(heard), again.ran, again.failures) == (0, 4, [])
    pd.testing.assert_frame_equal(current(again), current(anew), check_exact=True)
    trainings = {cell.run_id for cell in first.plan.training}
    for made in heard.runs:
        fresh = anew.plan.store.read(made.run_id)
        assert fresh is not None
        assert made.config == fresh.config
        assert (made.layers, made.curves) == (fresh.layers, fresh.curves)
        assert (made.predictions, made.health) == (fresh.predictions, fresh.health)
        told = made.provenance["counted_again"]
        assert told["trained_as"] in trainings
        assert told["commit"] == fresh.provenance["commit"]
        weights = again.plan.store.checkpoint
        assert weights(made.run_id).read_bytes() == weights(told["trained_as"]).read_bytes()


def test_no_samples_leave_no_counts(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(0), tmp_path)
    assert trained_epochs(heard) == 0
    for made in heard.runs:
        assert made.layers == []
        assert not {record.metric for record in made.records} & MEASURED


def test_force_trains_again(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(5), tmp_path, force=True)
    assert trained_epochs(heard) == 4
    assert all("counted_again" not in made.provenance for made in heard.runs)


def test_another_recipe_trains_again(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(5, weight_decay=0.1), tmp_path)
    assert trained_epochs(heard) == 4


def test_weights_of_another_run_are_not_taken(anew: Session, tmp_path: Path) -> None:
    first, _ = run(counting(2), tmp_path)
    store = first.plan.store
    one, other, torn, gone = (store.checkpoint(cell.run_id) for cell in first.plan.training)
    one.write_bytes(other.read_bytes())
    torn.write_bytes(torn.read_bytes()[:100])
    gone.unlink()
    again, heard = run(counting(5), tmp_path)
    assert again.failures == []
    assert trained_epochs(heard) == 3
    for trained, weights in zip(heard.runs, (one, other, torn, gone), strict=True):
        assert ("counted_again" in trained.provenance) == (weights == other)
    said = store.log(again.plan.training[0].run_id).read_text()
    assert f"not the weights of run {one.stem}" in said
    pd.testing.assert_frame_equal(current(again), current(anew), check_exact=True)


def test_a_group_may_count_other_samples_than_the_suite() -> None:
    toy = counting(5)
    group = toy.group[0].model_copy(update={"count_samples": 7, "seeds": (0,)})
    mixed = toy.model_copy(update={"group": (toy.group[0], group)})
    counted = [cell.measure.count_samples for cell in training_cells(mixed)]
    assert counted == [5, 5, 5, 5, 7, 7]
    written = toy.model_copy(update={"group": (group,)}).model_dump(mode="json")
    assert Suite.model_validate(json.loads(json.dumps(written))).group[0].count_samples == 7
