"""The allocator's policy, seen from outside: by page faults in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from baselines.errors import UsageError
from bench.timing import allocator
from bench.timing.allocator import DEFAULT, KEEP_PAGES, apply_policy

FAULTS = """
import resource, sys
import torch
from bench.timing.allocator import apply_policy
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
