"""The README's table and figure are what the code makes of the committed results, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liafbench.bench.report.paper import write_figure
from liafbench.bench.tables.accuracy import FAMILY_MEAN, accuracy
from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.render import render
from liafbench.bench.tables.write import read_records

ROOT = Path(__file__).resolve().parents[2]
TASK = "digits-dvs"
COLUMNS = (
    "test_accuracy",
    "weights",
    "mac_dense",
    "mac_effective",
    "ac",
    "energy_45nm_fp32",
    "inference_throughput",
)


CLAIMS = ROOT / "results" / "claims-small"
PLACES = {
    FAMILY_MEAN: "bAbI, mean of 20 tasks",
    "babi-qa1": "QA1",
    "babi-qa6": "QA6",
    "babi-qa20": "QA20",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "mnist-events-simulated": "MNIST as events",
    "nmnist": "N-MNIST, subset",
}
NETWORKS = (
    "lstm", "gru", "liaf-net", "lif-snn", "klif", "liaf-net-recurrent", "lif-snn-recurrent",
    "klif-recurrent", "conv-lstm", "conv3d", "liaf-net-alpha0", "bag-of-words", "cnn",
)  # fmt: skip


def expected() -> str:
    table = comparison(read_records(ROOT / "results" / "quick"))
    frame = table.frame
    shown = table.with_frame(frame[(frame["task"] == TASK) & (frame["status"] != "n/a")])
    text = render(shown, "md", COLUMNS)
    return "\n".join(line for line in text.splitlines() if not line.startswith("## ")).strip()


def test_the_readme_shows_the_committed_results() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- quick -->\n(.*?)\n<!-- /quick -->", readme, re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip() == expected()


def expected_claims() -> str:
    """Accuracy of what was run at equal backbone, a network a line."""
    frame = accuracy(read_records(CLAIMS)).frame
    rows = frame[frame["budget"] == "equal-backbone"].set_index("task")
    lines = [
        "| network | " + " | ".join(PLACES.values()) + " |",
        "| :-- |" + " --: |" * len(PLACES),
    ]
    for name in NETWORKS:
        cells = []
        for task in PLACES:
            mean, std, n = (rows.at[task, name + part] for part in ("", "_std", "_n"))
            cells.append(f"{mean:.1f} ± {std:.1f} (n={n:.0f})" if n > 1 else "")
        if any(cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_the_readme_shows_the_accuracies_on_real_data() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- claims -->\n(.*?)\n<!-- /claims -->", readme, re.DOTALL)
    assert shown is not None
    assert shown.group(1).strip() == expected_claims()


@pytest.mark.parametrize(("theme", "name"), [("light", TASK), ("dark", f"{TASK}-dark")])
def test_the_readmes_figure_is_drawn_from_the_committed_results(
    tmp_path: Path, theme: str, name: str
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    committed = ROOT / "docs" / "figures" / f"{name}.svg"
    assert f'"docs/figures/{name}.svg"' in readme
    write_figure(ROOT / "results" / "quick", tmp_path / "new.svg", TASK, theme=theme)
    same = committed.read_bytes() == (tmp_path / "new.svg").read_bytes()
    assert same, "run `make figures`"
