"""A data folder with every official layout, fabricated, and a frame cache of the tests' own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "events"))
settings.register_profile("liafbench", deadline=None, max_examples=60)
settings.load_profile("liafbench")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAFBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIAFBENCH_CACHE_GB", raising=False)
    monkeypatch.delenv("LIAFBENCH_DATA", raising=False)


@pytest.fixture(scope="session")
def fabricated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a little of every task that is not embedded."""
    import fabricated_sets

    folder = tmp_path_factory.mktemp("data")
    fabricated_sets.write_all(folder)
    return folder
