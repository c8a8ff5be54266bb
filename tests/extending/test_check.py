"""`liafbench check` finds each fault, says it in plain words, and finds none where none is."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from liafbench.bench.cli.main import app
from liafbench.bench.conformance import check

FAULTS = [
    # model, the check that must fail, what it says
    ("KeepsTime", "shape", "still has the time axis"),
    ("OneClassMore", "shape", "expected logits [32, 10]"),
    ("Pair", "shape", "returned a tuple"),
    ("NotFinite", "shape", "not finite"),
    ("WrongSize", "shape", "raised RuntimeError: mat1 and mat2"),
    ("not_a_module", "builds", "must return a torch.nn.Module"),
    ("nothing_to_train", "builds", "no trainable parameter"),
    ("DicesOnce", "same seed, same weights", "hidden.bias"),
    ("Remembers", "no state between batches", "another batch came before it"),
    ("RemembersShape", "no state between batches", "after a batch of another size it raised"),
    ("RemembersGraph", "gradients", "state with a graph survives"),
    ("AlwaysDrops", "deterministic", "random numbers in eval mode"),
    ("Dices", "deterministic", "another result each time"),
    ("BatchStatistics", "samples are independent", "depends on the other samples"),
    ("TimeAndBatchMistaken", "samples are independent", "mistaken for each other"),
    ("HidesState", "checkpoint", "parameters or registered buffers"),
    ("Detached", "gradients", "no parameter gets a gradient"),
    ("Uncountable", "countable", "linalg_qr"),
    ("Deaf", "learns", "does not overfit one batch of 32 samples"),
]


@pytest.mark.parametrize(("model", "name", "words"), FAULTS, ids=[each[0] for each in FAULTS])
def test_each_fault_is_found_and_named(model: str, name: str, words: str) -> None:
    wrong = {
        each.check: each.text for each in check(f"broken_models:{model}") if each.verdict == "wrong"
    }
    assert name in wrong
    assert words in wrong[name]


@pytest.mark.parametrize("model", ["Good", "OWN"])
def test_a_good_model_has_no_fault(model: str) -> None:
    assert {each.verdict for each in check(f"broken_models:{model}")} == {"ok"}


@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        ("UnusedLayer", "gradients", "model.spare.weight, model.spare.bias get no gradient"),
        ("Fixed", "equal budget", "does not follow the backbone's width"),
    ],
)
def test_what_works_but_should_be_known_is_a_note(model: str, name: str, words: str) -> None:
    findings = {each.check: each for each in check(f"broken_models:{model}")}
    assert findings[name].verdict == "note"
    assert words in findings[name].text
    assert "wrong" not in {each.verdict for each in findings.values()}


def test_padding_that_acts_is_found() -> None:
    def verdict(model: str) -> str:
        findings = check(f"broken_models:{model}", "babi-sim")
        return next(each.verdict for each in findings if each.check == "samples are independent")

    assert verdict("Stories") == "ok"
    assert verdict("divides_by_length") == "wrong"


@pytest.mark.parametrize(("baseline", "task"), [("lif-snn", "digits-dvs"), ("gru", "babi-sim")])
def test_the_suites_own_keep_the_contract(baseline: str, task: str) -> None:
    assert [each for each in check(baseline, task) if each.verdict != "ok"] == []


def test_a_model_that_refuses_a_task_says_why() -> None:
    findings = check("broken_models:OWN", "babi-sim")
    assert [each.verdict for each in findings] == ["wrong"]
    assert "reads frames only" in findings[0].text


def test_the_command_says_it_and_exits_with_one() -> None:
    done = CliRunner().invoke(app, ["check", "broken_models:KeepsTime"])
    assert done.exit_code == 1
    assert "still has the time axis" in done.output
    done = CliRunner().invoke(app, ["check", "broken_models:Good", "--json"])
    assert done.exit_code == 0
    assert {each["verdict"] for each in json.loads(done.output)} == {"ok"}
