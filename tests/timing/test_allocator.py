"""The allocator's policy, seen from outside: by page faults in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench.timing import allocator, huge_heap
from liafbench.bench.timing.allocator import DEFAULT, HUGE_PAGES, KEEP_PAGES, apply_policy

FAULTS = """
import resource, sys
import torch
from liafbench.bench.timing.allocator import apply_policy
print(apply_policy(sys.argv[1]))
size = 9 * 2**20  # 36 MiB: above 32 MiB the default maps every block afresh
for _ in range(12):  # glibc's heap settles once its small bins are full
    torch.ones(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(size)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(policy: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, policy], check=True, capture_output=True, text=True
    )
    name, faults = done.stdout.splitlines()
    return name, int(faults)


@pytest.mark.skipif(not allocator.is_glibc(), reason="the policy speaks to glibc's malloc")
def test_keep_pages_reuses_the_pages_that_the_default_faults_in_again():
    (kept_name, kept), (default_name, default) = run(KEEP_PAGES), run(DEFAULT)
    assert kept_name.startswith("keep-pages (glibc")
    assert "M_MMAP_MAX=0" in kept_name
    assert default_name.startswith("default (glibc")
    assert kept * 10 < default


HUGE = """
import torch
from liafbench.bench.timing.allocator import HUGE_PAGES, KEEP_PAGES, apply_policy
apply_policy(KEEP_PAGES)
print(apply_policy(HUGE_PAGES))
kept = torch.ones(32 * 2**20)
lines = [line.split() for line in open("/proc/self/smaps_rollup")]
print(next(int(line[1]) for line in lines if line[0] == "AnonHugePages:") // 1024)
"""


@pytest.mark.skipif(
    not allocator.is_glibc() or huge_heap.setting() in ("never", "absent"),
    reason="this kernel gives out no huge pages",
)
def test_a_large_tensor_lies_on_huge_pages():
    done = subprocess.run([sys.executable, "-c", HUGE], check=True, capture_output=True, text=True)
    name, mebibytes = done.stdout.splitlines()
    assert name.startswith("huge-pages (glibc")
    assert f"GiB on huge pages, kernel's setting '{huge_heap.setting()}'" in name
    assert int(mebibytes) >= 120  # of 128


@pytest.mark.parametrize("words", ["always madvise [never]", None])
def test_a_kernel_without_huge_pages_is_recorded(monkeypatch, tmp_path, words):
    if words:
        (tmp_path / "enabled").write_text(words + "\n")
    monkeypatch.setattr(huge_heap, "SETTING", tmp_path / "enabled")
    monkeypatch.setattr(allocator, "is_glibc", lambda: True)
    monkeypatch.setattr(allocator, "_applied", KEEP_PAGES)
    monkeypatch.setattr(allocator, "_heap", None)
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    setting = "never" if words else "absent"
    assert f"no huge pages, kernel's setting '{setting}'" in apply_policy(HUGE_PAGES)
    with pytest.raises(UsageError, match="'huge-pages' is set"):
        apply_policy(KEEP_PAGES)


def test_an_unknown_policy_is_named():
    with pytest.raises(UsageError, match="keep-pages"):
        apply_policy("keep-page")


def test_the_default_cannot_come_back(monkeypatch):
    monkeypatch.setattr(allocator, "_applied", KEEP_PAGES)
    with pytest.raises(UsageError, match="fresh process"):
        apply_policy(DEFAULT)


def test_another_c_library_says_so(monkeypatch):
    monkeypatch.setattr(allocator, "_applied", None)
    monkeypatch.setattr(allocator, "is_glibc", lambda: False)
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    assert "not glibc" in apply_policy(KEEP_PAGES)
