"""The names that results are filed under."""

from __future__ import annotations

import pytest
import torch

from liafbench.bench.runs import provenance


def test_processors_of_one_name_with_unlike_vectors_have_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provenance, "processor", lambda: "AMD EPYC")
    monkeypatch.setattr(provenance, "usable_cores", lambda: 2)
    found = []
    for vectors in ("AVX2", "AVX512"):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda v=vectors: v)
        found.append(provenance.machine("cpu"))
    assert found == ["amd-epyc-avx2-2-cores", "amd-epyc-avx512-2-cores"]
