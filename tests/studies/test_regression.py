"""The judge of two commits, on made-up results; the benchmarks themselves are well-formed."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import os
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest
import typer

from liafbench.baselines.errors import UsageError
from studies.regression import __main__ as command
from studies.regression import benchmarks
from studies.regression.benchmarks.counting import Counts
from studies.regression.judge import (
    Finding,
    Measured,
    exactly,
    found_again,
    judge,
    load,
    marked_worse,
)
from studies.regression.measure import COMMAND, check_import, git, worktree

TABLE = """
| Change   | Before [0123abcd] <main~1>   | After [4567cdef] <main>   |   Ratio | Benchmark |
|----------|------------------------------|---------------------------|---------|-----------|
| +        | 1.00±0.1ms  | 2.10±0.2ms  | 2.10 | neurons.NeuronLayer.time_forward('native', 'lif') |
| -        | 2.00±0.1ms  | 1.00±0.2ms  | 0.50 | networks.Network.time_forward('lstm') |
|          | 2.00±0.1ms  | 2.00±0.2ms  | 1.00 | networks.Network.time_forward('gru') |
"""
TIME = "neurons.NeuronLayer.time_forward('native', 'lif')"
TRACK = "counting.Counts.track_ac('klif')"
MEMORY = "networks.Network.peakmem_training_step('klif')"


def measured(version: str = "1", **values) -> Measured:
    names = {"time": TIME, "track": TRACK, "memory": MEMORY}
    found = {names[key]: value for key, value in values.items()}
    best = {name: value for name, value in found.items() if value is not None}
    return Measured(found, best, dict.fromkeys(found, version))


def whats(before: Measured, after: Measured, marked=frozenset()) -> list[tuple[str, str]]:
    found = judge(before, after, set(marked))
    return [(finding.benchmark, finding.what.split(":")[0]) for finding in found]


def test_the_same_results_are_no_regression():
    same = measured(time=1e-3, track=7250.0, memory=3e8)
    assert whats(same, same) == []


def test_twice_the_time_is_named_and_half_of_it_is_not():
    assert whats(measured(time=1e-3), measured(time=2e-3)) == [(TIME, "slower")]
    assert whats(measured(time=2e-3), measured(time=1e-3)) == []


def test_asvs_mark_counts_when_the_best_samples_confirm_it():
    before = measured(time=1.0)
    assert whats(before, measured(time=1.4), {TIME}) == [(TIME, "slower")]
    assert whats(before, measured(time=1.4)) == []
    assert whats(before, measured(time=1.1), {TIME}) == []


def test_a_count_that_changed_by_one_is_named_in_either_direction():
    before = measured(track=7250.0)
    assert whats(before, measured(track=7251.0)) == [(TRACK, "count changed")]
    assert whats(before, measured(track=7249.0)) == [(TRACK, "count changed")]


def test_memory_is_judged_by_the_factor():
    assert whats(measured(memory=3e8), measured(memory=5e8)) == [(MEMORY, "larger")]
    assert whats(measured(memory=3e8), measured(memory=4e8)) == []


def test_a_benchmark_that_fails_now_is_named_and_a_new_one_is_not():
    assert whats(measured(time=1.0), measured(time=None)) == [(TIME, "fails")]
    assert whats(measured(time=None), measured(time=1.0)) == []
    assert whats(Measured(), measured(time=1.0, track=1.0)) == []


def test_another_version_of_a_benchmark_is_not_compared():
    assert whats(measured("1", track=1.0, time=1.0), measured("2", track=2.0, time=9.0)) == []


SLOWER = "slower: 1.60 times the parent's best"


def test_a_longer_time_counts_when_it_is_found_twice():
    other = TIME.replace("lif", "klif")
    first = [Finding(TIME, SLOWER), Finding(other, SLOWER)]
    again = [Finding(other, "slower: 1.90 times the parent's best")]
    assert found_again(first, again) == again
    assert found_again(first[:1], again) == []
    assert found_again(first, [Finding(TIME, "fails")]) == [Finding(TIME, "fails")]


@pytest.mark.parametrize("slower_again", [True, False])
def test_only_longer_times_are_measured_a_second_time(monkeypatch, capsys, slower_again):
    measured, time = [], Finding(TIME, SLOWER)
    certain = [Finding(TRACK, "count changed: 1 -> 2"), Finding(MEMORY, "larger: 2.00 times")]

    def measure_and_judge(asv, old, new, environment):
        measured.append(asv.only)
        if len(measured) == 1:
            return [time, *certain]
        return [time] if slower_again else []

    monkeypatch.setattr(command, "measure_and_judge", measure_and_judge)
    monkeypatch.setattr(command, "git", lambda *words: "")
    monkeypatch.setattr(command.Asv, "prepare", lambda self: None)
    with pytest.raises(typer.Exit) as end:
        command.regression("a", "b", command.Environment.current, None, False, False)
    assert end.value.exit_code == 1
    assert measured == [None, exactly([time])]
    printed = capsys.readouterr().out
    assert printed.count("REGRESSION") == 2 + slower_again
    assert ("NeuronLayer" in printed) == slower_again


def test_what_is_measured_again_is_that_and_nothing_else():
    pattern = exactly([Finding(TIME, "slower"), Finding("tables.Tables.time_markdown", "slower")])
    assert re.search(pattern, TIME)
    assert re.search(pattern, "tables.Tables.time_markdown")
    for other in (TIME.replace("lif", "klif"), f"{TIME}x", "tables.Tables.time_markdown2", TRACK):
        assert not re.search(pattern, other)


def test_one_sample_judges_counts_and_memory_but_no_times():
    before, after = (
        measured(time=1.0, track=1.0, memory=1e8),
        measured(time=9.0, track=2.0, memory=9e8),
    )
    found = judge(before, after, {TIME}, times=False)
    assert {finding.benchmark for finding in found} == {TRACK, MEMORY}


def test_asv_writes_nothing_into_the_home_folder(tmp_path):
    """asv notes the machine in ~/.asv-machine.json by itself; here it stays in the checkout."""
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    (root / "asv.conf.json").write_text('{"version": 1, "repo": ".", "project": "p"}')
    project = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": project}
    words = ["machine", "--yes", "--machine", "m"]
    subprocess.run([*COMMAND, *words], cwd=root, env=environment, check=True, capture_output=True)
    assert list(home.iterdir()) == []
    assert "m" in json.loads((root / ".asv" / "machines.json").read_text())


def test_asvs_table_is_read_by_its_marks():
    assert marked_worse(TABLE) == {TIME}


def test_results_of_asv_are_read_by_parameters(tmp_path):
    machine = tmp_path / "m"
    machine.mkdir()
    (machine / "machine.json").write_text(json.dumps({"machine": "m", "version": 1}))
    result = {
        "version": 2, "commit_hash": "0" * 40, "env_name": "virtualenv-py3.11", "date": 0,
        "params": {"machine": "m", "python": "3.11"}, "python": "3.11", "requirements": {},
        "env_vars": {},
        "result_columns": ["result", "params", "version", "started_at", "duration", "samples"],
        "results": {
            "a.B.time_x": [[2.0, None], [["'l'", "'r'"]], "1", 0, 1, [[3.0, 1.5, 2.0], None]],
            "a.B.track_y": [[7.0], [], "1", 0, 1],
        },
    }  # fmt: skip
    (machine / "00000000-virtualenv-py3.11.json").write_text(json.dumps(result))
    found = load(tmp_path, "m", "0" * 40, "virtualenv")
    assert found.values == {"a.B.time_x('l')": 2.0, "a.B.time_x('r')": None, "a.B.track_y": 7.0}
    assert found.best == {"a.B.time_x('l')": 1.5, "a.B.track_y": 7.0}
    assert load(tmp_path, "m", "0" * 40, "existing").values == {}


def _classes():
    for info in pkgutil.iter_modules(benchmarks.__path__):
        module = importlib.import_module(f"{benchmarks.__name__}.{info.name}")
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__:
                yield found


@pytest.mark.parametrize("found", list(_classes()), ids=lambda found: found.__name__)
def test_every_benchmark_runs_once(found):
    assert isinstance(found.version, str), "versions are pinned by hand"
    combinations = [()]
    if hasattr(found, "params"):
        lists = found.params if isinstance(found.params[0], list) else [found.params]
        combinations = list(itertools.product(*lists))
    benchmark = found()
    cached = (benchmark.setup_cache(),) if hasattr(found, "setup_cache") else ()
    for name, function in inspect.getmembers(benchmark, inspect.ismethod):
        if name.startswith(("time_", "peakmem_", "track_")):
            chosen = combinations if cached else combinations[-1:]
            for parameters in chosen:
                if hasattr(found, "setup"):
                    benchmark.setup(*parameters)
                value = function(*cached, *parameters)
                assert name.startswith("track_") == isinstance(value, float)


def test_tracked_counts_see_spikes_analog_values_and_synapses():
    cached = Counts().setup_cache()
    assert cached["lif-snn"]["ac"] > 0
    assert cached["lif-snn"]["ac_folded"] > cached["lif-snn"]["ac"]
    assert cached["liaf-net"]["mac_effective"] > cached["lif-snn"]["mac_effective"]
    assert cached["lstm"]["ac"] == 0


def test_the_worktree_of_a_commit_is_measured_and_gone_afterwards(tmp_path):
    repository = tmp_path / "repository"
    for package in ("liafbench", "liafbench/baselines", "liafbench/bench"):
        (repository / package).mkdir(parents=True)
        (repository / package / "__init__.py").touch()
    git(tmp_path, "init", "--quiet", str(repository))
    git(repository, "config", "user.email", "nobody@example.org")
    git(repository, "config", "user.name", "nobody")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    with worktree(repository, "HEAD") as checkout:
        check_import(checkout)
        with pytest.raises(UsageError, match="would be measured"):
            check_import(repository / "elsewhere")
    assert not checkout.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_commit_that_is_not_there_is_one_line(tmp_path):
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UsageError, match="git rev-parse"):
        git(tmp_path, "rev-parse", "--verify", "HEAD^")
