"""Locks keep processes apart and end with them, however they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench.runs.locks import Locks

HOLDER = """
import sys
from pathlib import Path
from liafbench.bench.runs.locks import Locks
claims = Locks(Path(sys.argv[1]))
print([name for name in sys.argv[2:] if claims.take(name)], flush=True)
sys.stdin.read()
"""


def holder(folder: Path, *names: str) -> tuple[subprocess.Popen, str]:
    """A process that has claimed what it could of the names, and which it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *names],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_name_is_claimed_once_and_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    claims = Locks(tmp_path)
    assert claims.take("mine")
    process, got = holder(tmp_path, "mine", "a", "b")
    assert got == "['a', 'b']"
    assert [claims.take(name) for name in ("a", "b", "c")] == [False, False, True]
    process.kill()
    process.wait()
    assert claims.take("a")
    with claims.waited_for("b"):
        pass
    claims.release("mine")
    process, got = holder(tmp_path, "mine", "c")
    assert got == "['mine']"
    process.communicate("")


def test_a_folder_that_was_made_anew_has_claims_of_its_own(tmp_path: Path) -> None:
    claims = Locks(tmp_path)
    assert claims.take("a")
    claims.path.unlink()
    assert claims.take("a")
    process, got = holder(tmp_path, "a")
    assert got == "[]"
    process.communicate("")


def test_a_file_system_without_locks_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with pytest.raises(UsageError, match=r"cannot be locked.*--out"):
        Locks(tmp_path).take("a")
