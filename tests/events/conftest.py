"""Tests of this room keep their cached frames to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("liafbench", deadline=None, max_examples=60)
settings.load_profile("liafbench")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAFBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIAFBENCH_CACHE_GB", raising=False)
