"""What a failed run says of where it failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench import suites
from liafbench.bench.runs import failure

ROOT = Path(__file__).resolve().parents[2]


def test_a_failed_run_names_files_but_no_folder_of_the_machine(tmp_path: Path) -> None:
    log = tmp_path / "cell.log"
    log.write_text(
        f"{ROOT / 'liafbench' / 'bench' / 'metrics.py'}:3: UserWarning: of a line that it printed\n"
    )
    with pytest.raises(UsageError) as ours:
        suites.load("no such suite")
    with pytest.raises(json.JSONDecodeError) as theirs:
        json.loads("[")
    for error, file in ((ours.value, "bench/suites/loader.py"), (theirs.value, "json/decoder.py")):
        lines = failure._log(log, error)
        assert lines[0].startswith("bench/metrics.py:3: UserWarning")
        assert any(line.strip().startswith(f'File "{file}", line') for line in lines)
        said = "\n".join(lines)
        assert str(ROOT) not in said
        assert sys.base_prefix + "/lib" not in said


def test_no_committed_run_names_a_folder_of_a_machine() -> None:
    results = Path(__file__).resolve().parents[2] / "results"
    logs = {path.name: path.read_text(encoding="utf-8") for path in results.glob("*/*/runs/*.json")}
    assert logs
    assert [name for name, text in logs.items() if 'File \\"/' in text] == []
