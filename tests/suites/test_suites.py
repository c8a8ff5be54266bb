"""Suite files: what ships is sound, what is wrong is named with file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench import suites
from liafbench.bench.runs.plan import Options, plan

GOOD = """
name = "mine"
[[group]]
tasks = ["digits-dvs"]
baselines = ["lstm"]
[group.recipe]
epochs = 1
batch_size = 8
"""


@pytest.mark.parametrize("name", suites.shipped())
def test_a_shipped_suite_is_named_after_its_file_and_plans(name: str, tmp_path: Path) -> None:
    suite = suites.load(name)
    assert suite.name == name
    assert suite.title
    planned = plan(suite, Options(out=tmp_path))
    assert not planned.skipped, "a shipped suite asks only for what can be run"
    assert len({cell.run_id for cell in planned.all_cells()}) == len(planned.all_cells())


@pytest.mark.parametrize("name", suites.shipped())
def test_the_baselines_of_a_task_share_one_recipe(name: str) -> None:
    shared: dict[tuple, set[str]] = {}
    for group in suites.load(name).group:
        # The loss on rates reproduces a published recipe, and then for spiking rows only.
        if group.recipe.loss == "mse-rate":
            assert set(group.baselines) <= {"liaf-net", "klif", "lif-snn", "liaf-net-alpha0"}
        recipe = group.recipe.model_dump_json(exclude={"loss", "track_test"})
        for task in group.tasks:
            shared.setdefault((task, group.backbone), set()).add(recipe)
    assert all(len(recipes) == 1 for recipes in shared.values()), shared


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("epochs = 1", "epoch = 1", "did you mean 'epochs'"),
        ("epochs = 1", 'epochs = "many"', r"group\[0\].recipe.epochs"),
        ("epochs = 1", "epochs = 0", r"group\[0\].recipe.epochs"),
        ("[[group]]", "[[groop]]", "did you mean 'group'"),
        ("[[group]]", "[[group", "not valid TOML"),
        ('name = "mine"', 'name = "../up"', "name"),
        ('name = "mine"', 'name = "mine"\nseeds = []', "seeds"),
        ("batch_size = 8", "batch_size = 8\nlearning_rate = inf", "learning_rate.*finite"),
        ("batch_size = 8", "batch_size = 8\n[group.data]\nlimit = nan", "limit = nan"),
        ("batch_size = 8", "batch_size = 8\n[group.options]\nalpha = 2020-01-01", "alpha = 2020"),
        ('name = "mine"', 'name = "mine"\nseeds = [9223372036854775808]', r"seeds\[0\]"),
        ("batch_size = 8", "batch_size = 8\nt_max = 4", "no effect"),
        ("batch_size = 8", "batch_size = 8\nmomentum = 0.9", "no effect"),
        ("batch_size = 8", "batch_size = 8\nlearning_rate_grid = [0.1]", "go together"),
        (
            "batch_size = 8",
            "batch_size = 8\nlearning_rate_grid = [0.1]\ntuning_seeds = [0]",
            "share",
        ),
    ],
)
def test_a_mistake_is_one_line_with_file_and_field(
    before: str, after: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert suites.read(path).group[0].recipe.epochs == 1
    path.write_text(GOOD.replace(before, after))
    with pytest.raises(UsageError, match=message) as caught:
        suites.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_budget_reference_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    budget = 'budgets = ["equal-backbone", "equal-budget"]\nbudget_reference = "liaf-nett"\n'
    path.write_text(GOOD.replace("[group.recipe]", budget + "[group.recipe]"))
    with pytest.raises(UsageError, match="did you mean 'liaf-net'"):
        plan(suites.read(path), Options(out=tmp_path))


def test_an_absent_file_and_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        suites.load(str(tmp_path / "absent.toml"))
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        suites.load("quik")
