"""Cells of outside code: what they do to their process or disk reaches no other cell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.toy_suite import records, run, suite

from liafbench.baselines.errors import UsageError

HERE = Path(__file__).resolve().parent


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of rude.py can be imported."""
    monkeypatch.syspath_prepend(str(HERE))


@pytest.mark.usefixtures("beside")
def test_a_model_that_changes_its_process_changes_no_other_cell(tmp_path: Path) -> None:
    alone, _ = run(suite("cnn"), tmp_path / "alone")
    beside, _ = run(suite("rude:changes", "rude:forks", "cnn", "rude:changes"), tmp_path / "beside")
    assert [each.reason for each in beside.failures] == []
    found = records(beside)
    cnn = found[found.baseline == "cnn"].reset_index(drop=True)
    pd.testing.assert_frame_equal(records(alone), cnn, check_exact=True)
    assert set(found.baseline) == {"rude:changes", "rude:forks", "cnn"}


@pytest.mark.usefixtures("beside")
def test_a_full_disk_ends_the_run_and_is_no_failed_cell(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"fills.*the cache could not be written"):
        run(suite("cnn", "rude:fills"), tmp_path)
    (folder,) = (tmp_path / "toy").iterdir()
    kept = {path.name for path in (folder / "runs").glob("*.json")}
    assert len(kept) == 2  # those of cnn, which came first
    with pytest.raises(UsageError, match="the cache could not be written"):
        run(suite("cnn", "rude:fills"), tmp_path)
    assert {path.name for path in (folder / "runs").glob("*.json")} == kept
