"""References: complete, one a key, and BibTeX itself has nothing to say against them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.fabricated import time_run, train_run, write_runs
from typer.testing import CliRunner

from liafbench.baselines import BASELINES
from liafbench.bench.citations import of_baseline, of_results, of_suite, of_task, split, unique
from liafbench.bench.citations.entries import Entry, libraries
from liafbench.bench.cli.main import app
from liafbench.bench.results import load
from liafbench.bench.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {"torch": "2.13.0+cpu", "snntorch": "1.0.0", "fvcore": "0.1_5", "scikit-learn": "1.7"}


def every_entry() -> list[Entry]:
    found = [of_suite(["abc123", "def456+changes"])]
    found += [entry for name in BASELINES for entry in of_baseline(name)]
    found += [entry for name in TASKS for entry in of_task(name)]
    found += [entry.noted("version 1.2") for entry in libraries().values()]
    return unique(found)


def bibtex(folder: Path, entries: list[Entry]) -> str:
    """What bibtex says of a document that cites all entries."""
    if shutil.which("bibtex") is None or shutil.which("kpsewhich") is None:
        pytest.skip("needs bibtex (Debian: texlive-binaries, texlive-latex-base)")
    (folder / "all.bib").write_text("\n\n".join(entry.text for entry in entries))
    keys = "".join(f"\\citation{{{entry.key}}}\n" for entry in entries)
    (folder / "all.aux").write_text(f"\\relax\n{keys}\\bibstyle{{plain}}\n\\bibdata{{all}}\n")
    done = subprocess.run(["bibtex", "all"], cwd=folder, capture_output=True, text=True)
    items = (folder / "all.bbl").read_text().count("\\bibitem")
    assert items == len(entries), done.stdout
    return done.stdout


def test_bibtex_takes_every_reference_without_a_warning(tmp_path: Path) -> None:
    said = bibtex(tmp_path, every_entry())
    assert "warning" not in said.lower(), said
    assert "error" not in said.lower(), said


def test_every_method_and_data_set_has_its_reference() -> None:
    for name, baseline in BASELINES.items():
        keys = [entry.key for entry in of_baseline(name)]
        assert keys == ([baseline.citation] if baseline.citation else []), name
        assert keys or baseline.role == "control", name
    for name, task in TASKS.items():
        keys = [entry.key for entry in of_task(name)]
        assert (task.citation in keys) if keys else task.embedded, name


def results(root: Path, **fields: object) -> Path:
    runs = [train_run("klif", seed=0, **fields), train_run("lstm", seed=0)]
    runs.append(train_run("lif-snn", engine="snntorch", task="nmnist"))
    for run in runs:
        run["provenance"]["versions"] = VERSIONS
    return write_runs(root, [*runs, time_run({"klif": 1.0, "lstm": 2.0})])


def test_results_cite_what_they_used_and_nothing_else(tmp_path: Path) -> None:
    entries = {entry.key: entry.text for entry in of_results(load(results(tmp_path)))}
    assert next(iter(entries)) == "liafbench"
    assert {"jiang2023klif", "hochreiter1997lstm", "wu2018stbp"} <= set(entries)
    assert {"paszke2019pytorch", "fvcore", "eshraghian2023training"} <= set(entries)
    assert {"pedregosa2011scikit", "horowitz2014energy"} <= set(entries)
    assert {"wu2022liafnet", "fang2023spikingjelly", "cho2014gru", "lenz2021tonic"}.isdisjoint(
        entries
    )
    assert "version 2.13.0+cpu" in entries["paszke2019pytorch"]
    assert r"version 0.1\_5" in entries["fvcore"]
    assert "c0ffee" in entries["liafbench"]


def test_results_are_valid_bibtex(tmp_path: Path) -> None:
    entries = of_results(load(results(tmp_path / "results")))
    said = bibtex(tmp_path, entries)
    assert "warning" not in said.lower(), said


def test_an_entry_has_one_key_and_balanced_braces() -> None:
    entries = every_entry()
    assert len({entry.key for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.text.count("{") == entry.text.count("}"), entry.key
        assert len(list(split(entry.text))) == 1


def test_the_command_prints_bibtex_once_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results(tmp_path))
    done = CliRunner().invoke(app, ["cite", ".", "klif", "klif", "nmnist"])
    assert done.exit_code == 0, done.output
    keys = re.findall(r"^@\w+\{([^,]+),", done.output, re.MULTILINE)
    assert len(keys) == len(set(keys)) > 8
    alone = CliRunner().invoke(app, ["cite", "--json"])
    assert [entry["key"] for entry in json.loads(alone.output)] == ["liafbench"]


def test_an_own_model_brings_its_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    extending = str(ROOT / "tests" / "extending")
    monkeypatch.setattr(sys, "path", [*sys.path, extending])
    assert [entry.key for entry in of_baseline("broken_models:OWN")] == ["own2026"]


def test_nothing_of_that_name_is_one_line() -> None:
    done = CliRunner().invoke(app, ["cite", "kilf"])
    assert done.exit_code != 0
    assert "did you mean 'klif'" in str(done.exception)


def test_the_citation_file_says_what_the_package_says() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    fields = dict(re.findall(r"^([a-z-]+): (.+)$", text, re.MULTILINE))
    # What the format requires (Citation File Format 1.2.0).
    assert {"cff-version", "message", "title"} <= set(fields)
    assert re.search(r"^authors:\n  - (name|family-names): ", text, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'version = "{fields["version"]}"' in project
