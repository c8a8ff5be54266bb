"""`liafbench time`, as a user calls it."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.main import app

BASE = ["time", "liaf-net", "--task", "digits-dvs", "--batch", "2", "--seconds", "1"]


@pytest.fixture(autouse=True)
def _policy_stays_as_it_was(monkeypatch):
    """The command sets malloc's policy for its process; this process is not its own."""
    monkeypatch.setattr("liafbench.bench.cli.time.apply_policy", lambda name: name)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_json_holds_raw_values_ratios_and_conditions():
    done = CliRunner().invoke(app, [*BASE, "--versus", "reference", "--train", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["contenders"] == ["native", "reference"]
    assert "synthetic" in document["input"]
    for series in ("inference", "training"):
        ratio = document[series]["ratios"]["reference"]
        assert ratio["to"] == "native"
        assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
        raw = document[series]["contenders"]["reference"]["seconds"]
        assert len(raw) == document[series]["rounds"] >= 15
        assert document[series]["conditions"]["threads"] == 1
    assert document["provenance"]["versions"]["torch"]


def test_the_terminal_shows_ratios_and_how_noisy_it_was():
    done = CliRunner().invoke(app, [*BASE, "--versus", "reference"])
    assert done.exit_code == 0, done.output
    assert "samples/s" in done.output
    assert "machine: rounds spread by" in done.output
    assert "synthetic" in done.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--versus", "spikingjely"], "spikingjelly"),
        (["--backbone", "smal"], "small"),
        (["--allocator", "default", "--versus", "snntorch+loop"], "lif-snn"),
    ],
)
def test_bad_input_is_one_line(words, named):
    done = CliRunner().invoke(app, [*BASE, *words])
    assert done.exit_code != 0
    assert isinstance(done.exception, UsageError)
    assert named in str(done.exception)
