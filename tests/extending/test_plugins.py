"""Names that are found, names that are not, and what makes a run a new one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liafbench import baselines
from liafbench.baselines import backbones, plugins
from liafbench.baselines.errors import UsageError
from liafbench.bench import metrics, suites, tasks
from liafbench.bench.runs.cells import training_cells


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, forgotten again afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        places = [
            sys.modules[name].__dict__.get("__file__"),
            *getattr(sys.modules[name], "__path__", ()),
        ]
        if str(tmp_path) in str(places):
            del sys.modules[name]
    plugins.clear_cache()


MODEL = """
from torch import nn

def build(backbone, hidden=8, engine="native"):
    assert engine == "reference"
    pixels = backbone.channels * backbone.height * backbone.width
    return nn.Sequential(Mean(), nn.Linear(pixels, hidden), nn.Linear(hidden, backbone.classes))

class Mean(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(0)
"""


def test_a_function_in_the_working_folder_is_a_baseline(folder: Path) -> None:
    (folder / "in_folder.py").write_text(MODEL)
    net = baselines.build("in_folder:build", "digits-dvs", engine="reference", hidden=5)
    assert net(torch.rand(3, 2, 2, 16, 16)).shape == (2, 10)
    assert net.model[1].out_features == 5
    with pytest.raises(UsageError, match="unknown option of in_folder:build 'hiden'"):
        baselines.build("in_folder:build", "digits-dvs", engine="reference", hiden=5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module:build", "no module 'no_such_module'; install it, or start in the folder"),
        ("broken_models:Goood", "unknown name in broken_models 'Goood'; did you mean 'Good'?"),
        ("broken_models:FAULT", "unknown name"),
        ("broken_models:", "write package.module:attribute"),
        (":build", "write package.module:attribute"),
        ("liaf-nte", "did you mean 'liaf-net'?"),
        ("broken_models:random", "must be a function"),
    ],
)
def test_a_wrong_name_is_one_line(name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        baselines.get(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import numpyy", "importing faulty failed: ModuleNotFoundError: No module named 'numpyy'"),
        ("def build(:", "SyntaxError"),
        ("x = 1\ny = nothing", "NameError: name 'nothing' is not defined (faulty.py, line 2)"),
    ],
)
def test_a_module_that_does_not_import_says_where(folder: Path, code: str, words: str) -> None:
    (folder / "faulty.py").write_text(code)
    with pytest.raises(UsageError) as caught:
        baselines.get("faulty:build")
    assert words in str(caught.value)


def suite_of(folder: Path, **measure: str) -> suites.Suite:
    (folder / "s.toml").write_text(
        'name = "s"\n[[group]]\ntasks = ["digits-dvs"]\nbaselines = ["liaf-net", "mine:build"]\n'
        "recipe = { epochs = 1, batch_size = 8 }\n"
    )
    return suites.load(str(folder / "s.toml"))


def test_changed_code_is_a_new_run_and_nobody_elses(folder: Path) -> None:
    (folder / "mine.py").write_text(MODEL)
    before = [cell.run_id for cell in training_cells(suite_of(folder), seeds=1)]
    (folder / "mine.py").write_text(MODEL + "\n# changed\n")
    plugins._checksum.cache_clear()
    after = [cell.run_id for cell in training_cells(suite_of(folder), seeds=1)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_every_file_of_a_package_counts(folder: Path) -> None:
    package = folder / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text("WIDTH = 3\n")
    (package / "net.py").write_text(MODEL)
    first = plugins.fingerprint(plugins.BASELINE_GROUP, "my_package.net:build")
    (package / "layers.py").write_text("WIDTH = 4\n")
    plugins._checksum.cache_clear()
    assert plugins.fingerprint(plugins.BASELINE_GROUP, "my_package.net:build") != first
    assert plugins.fingerprint(plugins.BASELINE_GROUP, "liaf-net") is None


@pytest.mark.parametrize("inner", ["neurons.py", "parts/cells.py", "deeper.py"])
def test_what_a_model_imports_from_its_folder_counts(folder: Path, inner: str) -> None:
    """A neuron in a file beside the model, in a package, or imported by what is imported."""
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").touch()
    (folder / "mine.py").write_text(
        "import numpy\nimport neurons\nfrom parts import cells\n" + MODEL
    )
    (folder / "neurons.py").write_text("def late():\n    import deeper\n")
    for name in ("parts/cells.py", "deeper.py", "unrelated.py"):
        (folder / name).write_text("X = 1\n")

    def fingerprint() -> str | None:
        plugins._checksum.cache_clear()
        return plugins.fingerprint(plugins.BASELINE_GROUP, "mine:build")

    first = fingerprint()
    (folder / "unrelated.py").write_text("X = 2\n")
    assert fingerprint() == first
    with (folder / inner).open("a") as file:
        file.write("Y = 3\n")
    assert fingerprint() != first


def test_without_anything_of_others_a_run_id_is_what_it_was() -> None:
    cell = next(training_cells(suites.load("quick"), seeds=1))
    assert cell.code() == {}
    assert "code" not in cell.config()
    assert "metrics" not in cell.config()["measure"]
    metric = "broken_models:not_a_module"
    measured = replace(cell, measure=cell.measure.model_copy(update={"metrics": (metric,)}))
    assert measured.config()["measure"]["metrics"] == [metric]
    assert list(measured.config()["code"]) == [metric]
    assert measured.run_id != cell.run_id


TASK = """
from liafbench.bench.tasks import Shape, Task
from liafbench.baselines.stages import Conv, Dense

def read(source):
    raise NotImplementedError

FRAMES = Task("other-name", "Mine", "events", 3, "", "", read, embedded=True,
              shapes={"small": Shape(5, 1, 8, 9), "own": Shape(4, 2, 6, 6)},
              stages={"own": (Conv(4), Dense(3, unit="none"))})
STORIES = Task("stories", "Mine", "tokens", 17, "", "", read, embedded=True)
"""


def test_a_task_brings_its_backbones(folder: Path) -> None:
    (folder / "sets.py").write_text(TASK)
    assert tasks.get("sets:FRAMES").name == "sets:FRAMES"
    assert backbones.names("sets:FRAMES") == ("small", "own")
    small, own = (backbones.get("sets:FRAMES", name) for name in ("small", "own"))
    assert (small.time_steps, small.sample_shape, small.classes) == (5, (1, 8, 9), 3)
    assert own.name == "own"
    assert [type(stage).__name__ for stage in own.stages] == ["Conv", "Dense"]
    for name in ("liaf-net", "lstm", "conv3d"):
        for backbone in (small, own):
            net = baselines.build(name, "sets:FRAMES", backbone=backbone.name)
            assert net(backbone.example(2)).shape == (2, 3)
    net = baselines.build("gru", "sets:STORIES")
    assert net(torch.randint(1, 17, (6, 2))).shape == (2, 17)
    assert len(baselines.build("gru", "sets:STORIES", layers=2).backbone.stages) == 4


def test_a_metric_changes_nothing_else(folder: Path) -> None:
    (folder / "own_metrics.py").write_text(
        "import torch\n"
        "def spoils(net, splits):\n"
        "    with torch.no_grad():\n"
        "        [p.zero_() for p in net.parameters()]\n"
        "    assert not net.training\n"
        "    return torch.rand(()).item(), 's'\n"
    )
    net = torch.nn.Linear(2, 2)
    weights = net.weight.clone()
    torch.manual_seed(3)
    (value,) = metrics.measure(["own_metrics:spoils"], net, None)  # type: ignore[arg-type]
    drawn = torch.rand(())
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(()))
    assert torch.equal(net.weight, weights)
    assert net.training
    assert (value.metric, value.unit) == ("own_metrics:spoils", "s")


@pytest.mark.parametrize(
    "returned", ["1.0", "(1.0, 2)", "(float('nan'), '%')", "('a', '%')", "None"]
)
def test_a_metric_returns_a_number_and_its_unit(folder: Path, returned: str) -> None:
    (folder / "own_metrics.py").write_text(f"def wrong(net, splits):\n    return {returned}\n")
    with pytest.raises(UsageError, match="must return a number and its unit"):
        metrics.measure(["own_metrics:wrong"], torch.nn.Linear(1, 1), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["statistics", "typer", "wave", "bench", "baselines", "liafbench"])
def test_a_module_of_the_folder_is_found_whatever_its_name(folder: Path, name: str) -> None:
    """The name may be that of a module of Python or of a library, imported already or not."""
    there = sys.modules.get(name)
    (folder / f"{name}.py").write_text(MODEL)
    net = baselines.build(f"{name}:build", "digits-dvs", engine="reference", hidden=5)
    assert net.model[1].out_features == 5
    first = plugins.fingerprint(plugins.BASELINE_GROUP, f"{name}:build")
    (folder / f"{name}.py").write_text(MODEL + "\n# changed\n")
    plugins.clear_cache()
    assert plugins.fingerprint(plugins.BASELINE_GROUP, f"{name}:build") != first
    assert there is None or sys.modules[name] is there


@pytest.mark.parametrize("package", [True, False])
def test_a_package_of_the_folder_is_found_whatever_its_name(folder: Path, package: bool) -> None:
    (folder / "json").mkdir()
    if package:
        (folder / "json" / "__init__.py").touch()
    (folder / "json" / "widths.py").write_text("WIDTH = 6\n")
    code = MODEL.replace("hidden=8", "hidden=WIDTH")
    (folder / "json" / "net.py").write_text(f"from .widths import WIDTH\n{code}")
    net = baselines.build("json.net:build", "digits-dvs", engine="reference")
    assert net.model[1].out_features == 6
    assert baselines.get("json.net:build") == baselines.get("json.net:build")


def test_an_empty_folder_hides_no_library(folder: Path) -> None:
    (folder / "torch").mkdir()
    with pytest.raises(UsageError, match=r"unknown name in torch\.nn 'Linea'"):
        baselines.get("torch.nn:Linea")
