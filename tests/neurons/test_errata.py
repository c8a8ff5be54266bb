"""Every finding in results/ERRATA.md is shown by its lines, against the version it names."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

ERRATA = Path(__file__).parents[2] / "results" / "ERRATA.md"
FINDING = re.compile(
    r"^### (?P<date>\S+) · (?P<library>\S+) (?P<version>\S+) · (?P<title>.+?)\n"
    r".*?```python\n(?P<code>.*?)```",
    re.MULTILINE | re.DOTALL,
)
FINDINGS = list(FINDING.finditer(ERRATA.read_text()))


def test_every_heading_has_a_finding_that_was_read() -> None:
    assert len(FINDINGS) == ERRATA.read_text().count("\n### ")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("finding", FINDINGS, ids=[f["title"] for f in FINDINGS])
def test_the_lines_show_the_finding(finding: re.Match[str]) -> None:
    installed = importlib.metadata.version(finding["library"])
    if installed != finding["version"]:
        pytest.skip(f"{finding['library']} {installed} is installed, not {finding['version']}")
    exec(compile(finding["code"], finding["title"], "exec"), {})
