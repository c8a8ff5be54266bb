"""The hashed lock holds what constraints.txt pins, and nothing without a hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK, PINS = ROOT / "requirements.lock", ROOT / "constraints.txt"
pytestmark = pytest.mark.skipif(not LOCK.exists(), reason="installed without its checkout")


def entries() -> dict[str, list[str]]:
    """Each `name==version ; marker` of the lock with its hashes."""
    found: dict[str, list[str]] = {}
    for line in LOCK.read_text().splitlines():
        if line.startswith("    --hash="):
            found[next(reversed(found))].append(line.strip().removesuffix(" \\"))
        else:
            found[line.removesuffix(" \\").strip()] = []
    return found


def apart() -> set[str]:
    """What the Makefile leaves out of the lock: torch and what only torch brings."""
    text = re.search(r"^APART := (.*?)\n\S", (ROOT / "Makefile").read_text(), re.S | re.M)
    assert text is not None
    return set(text[1].replace("\\", " ").split())


def test_every_pin_but_those_of_torch_is_locked() -> None:
    lines = [line.strip() for line in PINS.read_text().splitlines() if "==" in line]
    pins = {line for line in lines if line.split("==")[0] not in apart()}
    assert set(entries()) == pins
    assert "torch" in apart()


def test_every_entry_has_hashes() -> None:
    for pin, hashes in entries().items():
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), pin
