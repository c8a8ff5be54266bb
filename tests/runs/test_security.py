"""Nothing that was read is executed, and no path leaves the folders that were given."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from liafbench import baselines, bench
from liafbench.baselines.errors import UsageError
from liafbench.bench import suites

SOURCES = [
    path
    for package in (bench, baselines)
    for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
]
EXECUTE = {"eval", "exec", "compile", "__import__"}
UNPICKLE = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "joblib.load"),
    *("pd.read_pickle", "pandas.read_pickle", "yaml.load", "os.system"),
}


def calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def refused(call: ast.Call) -> bool:
    """Whether a call could run what a file says."""
    name = ast.unparse(call.func)
    given = {each.arg: ast.unparse(each.value) for each in call.keywords}
    if name == "torch.load":
        return given.get("weights_only") != "True"
    if name in ("np.load", "numpy.load"):
        return given.get("allow_pickle", "False") != "False"
    return name in EXECUTE | UNPICKLE or given.get("shell") == "True"


def test_no_module_executes_or_unpickles_what_it_reads() -> None:
    found = [
        f"{path.name}:{call.lineno}: {ast.unparse(call)[:60]}"
        for path in SOURCES
        for call in calls(path)
        if refused(call)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    ["torch.load(f)", "torch.load(f, weights_only=False)", "eval(text)", "pickle.loads(data)",
     "np.load(f, allow_pickle=True)", "subprocess.run(words, shell=True)"],
)  # fmt: skip
def test_the_search_finds_them(code: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(code)
    assert [refused(call) for call in calls(tmp_path / "bad.py")] == [True]


@pytest.mark.parametrize("name", ["../out", "/out", "a/b", "..", "a\\\\b", ".hidden", ""])
def test_the_name_of_a_suite_is_no_path(name: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(
        f'name = "{name}"\n[[group]]\ntasks = ["digits-dvs"]\nbaselines = ["cnn"]\n'
        "[group.recipe]\nepochs = 1\nbatch_size = 8\n"
    )
    with pytest.raises(UsageError, match="name"):
        suites.load(str(path))
