"""Frames as CSV, Markdown, LaTeX and on a terminal: units, marks, and hostile text."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from support.fabricated import time_run, train_run, write_runs

from liafbench.baselines.errors import UsageError
from liafbench.bench.counting.counts import STRUCTURE
from liafbench.bench.counting.measurements import MEASURED
from liafbench.bench.tables.accuracy import accuracy, groups
from liafbench.bench.tables.columns import ENERGY, ON_SAMPLES, number, with_spread
from liafbench.bench.tables.comparison import comparison, everything
from liafbench.bench.tables.render import escape_latex as tex
from liafbench.bench.tables.render import escape_markdown as md
from liafbench.bench.tables.render import render
from liafbench.bench.tables.table import Table
from liafbench.bench.tables.terminal import terminal
from liafbench.bench.tables.write import read_records

HOSTILE = "=cmd|'/C calc'!A0 <script>alert(1)</script> a_b%&$#{}~^\\ 漢字 ±" + "x" * 150


def results_of(folder: Path, runs: list[dict[str, Any]]) -> Any:
    return read_records(write_runs(folder, runs))


@pytest.fixture
def frame(tmp_path: Path) -> Table:
    runs = [
        train_run(name, accuracy, seed=seed, counts={"mac_dense": macs})
        for seed in range(2)
        for name, accuracy, macs in (
            ("liaf-net", 95.0 + seed, 2.0e6),
            ("lif-snn", 91.0 + seed, 1.0e6),
            ("lstm", 93.0, 3.5e6),
            ("cnn", 99.0, 5.0e5),
        )
    ]
    runs += [train_run("klif", 99.5), train_run("klif", None, seed=1)]
    runs.append(time_run({"liaf-net": 2000.0, "lif-snn": 4000.0}))
    return comparison(results_of(tmp_path, runs))


def cells(markdown: str, model: str) -> list[str]:
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {model}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_csv_reads_back_bit_for_bit(frame: Table) -> None:
    third = frame.frame.copy()
    third.loc[0, "mac_dense"] = 1e6 / 3
    text = render(frame.with_frame(third), "csv")
    back = pd.read_csv(io.StringIO(text))
    for name in ("test_accuracy [%]", "test_accuracy_std [%]", "mac_dense [1/sample]"):
        plain = name.split(" ")[0]
        assert back[name].tolist() == pytest.approx(third[plain].tolist(), abs=0, nan_ok=True)
    assert "333333.3333333333" in text


def test_csv_says_unit_seeds_machine_and_commit(frame: Table) -> None:
    row = next(csv.DictReader(io.StringIO(render(frame, "csv"))))
    assert row["test_accuracy [%]"] == "95.5"
    assert (row["test_accuracy_n"], row["seeds"], row["failed"]) == ("2", "2", "0")
    assert (row["machine"], row["commit"]) == ("test-cpu", "c0ffeec0ffee")
    assert "training_time [s]" in row


def test_markdown_marks_the_best_two_and_not_the_controls(frame: Table) -> None:
    text = render(frame, "md")
    assert cells(text, "LIAF-Net")[1] == "**95.50 ± 0.71 (n=2)**"
    assert cells(text, "LSTM")[1] == "*93.00 ± 0.00 (n=2)*"
    assert cells(text, "LIF-SNN")[1] == "91.50 ± 0.71 (n=2)"
    assert cells(text, "CNN")[1] == "99.00 ± 0.00 (n=2)"
    assert "(control)" in cells(text, "CNN")[0]
    assert "controls are not ranked" in text


def test_a_row_with_failed_seeds_takes_no_rank(frame: Table) -> None:
    text = render(frame, "md")
    assert cells(text, "KLIF")[1] == "99.50 (n=1, 1 failed)"
    assert "KLIF: seed 1 failed: Diverged" in text


def test_columns_share_one_scale(frame: Table) -> None:
    head = next(line for line in render(frame, "md").splitlines() if line.startswith("| baseline"))
    assert r"dense MAC \[M/sample\]" in head
    assert r"parameters \[k\]" in head
    assert r"inference \[k samples/s\]" in head
    place = [cell.strip() for cell in head.strip("|").split("|")].index(r"dense MAC \[M/sample\]")
    assert cells(render(frame, "md"), "CNN")[place] == "0.5000"
    assert cells(render(frame, "md"), "LIF-SNN")[place] == "**1**"


@pytest.mark.parametrize("metric", ["ac", "ac_folded", "mac_effective", "training_time"])
def test_parts_of_a_total_and_wall_times_take_no_rank(tmp_path: Path, metric: str) -> None:
    """No accumulates at all is no merit of a network that multiplies instead."""
    runs = [
        train_run(name, 90.0, extra={metric: (value, "1/sample")})
        for name, value in (("liaf-net", 10.0), ("klif", 20.0), ("lstm", 30.0))
    ]
    shown = everything(results_of(tmp_path, runs))
    text = render(shown, "md", columns=[metric])
    assert "30" in text
    assert "*" not in text
    runs = [run | {"records": [r | {"metric": "energy_x"} for r in run["records"]
                               if r["metric"] == metric]} for run in runs]  # fmt: skip
    assert "**10" in render(everything(results_of(tmp_path, runs)), "md", columns=["energy_x"])


def test_what_was_not_measured_is_a_dash(frame: Table) -> None:
    text = render(frame, "md")
    head = next(line for line in text.splitlines() if line.startswith("| baseline"))
    place = [cell.strip() for cell in head.strip("|").split("|")].index(
        r"inference \[k samples/s\]"
    )
    assert cells(text, "LSTM")[place] == "–"


def test_captions_say_where_the_numbers_come_from(frame: Table) -> None:
    for form in ("md", "tex"):
        text = render(frame, form)
        assert "standard deviation over seeds" in text
        assert "half the interquartile range over timing rounds" in text
        for said in ("test-cpu", "c0ffeec0ffee", "seeds 0, 1"):
            assert said in text


def counted_on(run: dict[str, Any], n: int, whole: int, **fields: float | None) -> dict[str, Any]:
    """A run whose counts rest on n of `whole` test samples, without spread but in mac_dense."""
    for record in run["records"]:
        if record["metric"] == "test_accuracy":
            record["n"] = whole
        elif record["metric"] in ON_SAMPLES or record["metric"].startswith(ENERGY):
            record |= {"n": n, "spread": None if n == 1 else 0.0}
            record |= fields if record["metric"] == "mac_dense" else {}
    return run


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (10**6, "16 to 25 of 1,000,000 test samples, with a standard error of up to 10.0 %"),
        (25, "16 to 25 of 25 test samples, with a standard error of up to 6.0 %"),
        (16, "means over all 16 to 25 test samples. Suite"),
    ],
)
def test_captions_say_how_far_the_counted_samples_move_the_counts(
    tmp_path: Path, whole: int, said: str
) -> None:
    """By hand: 40 / sqrt(16) is 10 % of 100; of 25 samples 16 leave sqrt(9 / 25) of it."""
    runs = [
        counted_on(train_run("liaf-net"), 16, whole, value=100.0, spread=40.0),
        counted_on(train_run("lif-snn"), 25, whole, value=500.0, spread=5.0),
        # Stale, and something newer is there: not shown, so not said.
        counted_on(train_run("liaf-net", seed=9, numerics=0), 2, whole, value=1.0, spread=9.0),
    ]
    frame = comparison(results_of(tmp_path, runs))
    assert said in render(frame, "md")
    assert "of up to 0.0 %" in render(frame, "md", columns=["ac"]) or "over all" in said
    assert "means over" not in render(frame, "md", columns=["test_accuracy", "parameters"])


def test_captions_say_on_what_batch_and_threads_speeds_are(tmp_path: Path) -> None:
    timed = time_run({"liaf-net": 900.0})
    timed["config"]["measure"] = {"timing_batch": 32, "timing_rounds": 8}
    timed["provenance"] = timed["provenance"] | {"threads": 2}
    runs = [train_run(), timed, train_run(task="mnist", backbone="small")]
    text = render(comparison(results_of(tmp_path, runs)), "md")
    digits, mnist = text.split("digits-dvs")[1], text.split("mnist")[1]
    assert "timing rounds (batch 32, 2 threads)" in digits
    assert "batch 32" not in mnist.split("digits-dvs")[0]


def test_captions_do_not_hide_that_one_sample_says_nothing_of_its_error(tmp_path: Path) -> None:
    frame = comparison(results_of(tmp_path, [counted_on(train_run("lif-snn"), 1, 100)]))
    assert "means over 1 of 100 test samples, error not known" in render(frame, "md")


def test_latex_has_rules_marks_and_citations(frame: Table) -> None:
    text = render(frame, "tex")
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{", r"\label{tab:comparison-"):
        assert rule in text
    assert r"\textbf{95.50 $\pm$ 0.71 (n=2)}" in text
    assert r"\underline{93.00 $\pm$ 0.00 (n=2)}" in text
    assert r"LIAF-Net~\cite{" in text
    assert r"\shortstack{test accuracy \\ {[}\%{]}}" in text


def test_chosen_columns(frame: Table) -> None:
    text = render(frame, "md", columns=["weights"])
    assert r"| baseline | weights \[k\] |" in text


def test_unknown_format_names_the_nearest(frame: Table) -> None:
    with pytest.raises(UsageError, match="did you mean 'tex'"):
        render(frame, "text")


def hostile_results(folder: Path) -> Any:
    bad = train_run(HOSTILE, 90.0, task=HOSTILE, extra={HOSTILE: (1.0, "=1+1")})
    bad["health"] = [{"layer": HOSTILE, "what": "k", "value": 1.0}]
    return results_of(folder, [bad, train_run("b|c\nd", None, task=HOSTILE)])


def test_hostile_names_in_csv(tmp_path: Path) -> None:
    for frame in (comparison, everything, accuracy):
        rows = list(csv.reader(io.StringIO(render(frame(hostile_results(tmp_path)), "csv"))))
        assert any(HOSTILE in cell for row in rows for cell in row)
        for row in rows:
            assert len(row) == len(rows[0])
            assert not any(cell.startswith(("=", "+", "@")) for cell in row)


def test_hostile_names_in_markdown(tmp_path: Path) -> None:
    text = render(everything(hostile_results(tmp_path)), "md")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    bars = {line.count("|") - line.count(r"\|") for line in table}
    assert len(bars) == 1


def test_markdown_escapes_what_it_would_read() -> None:
    assert md("a_b*c|d`e\nf") == r"a\_b\*c\|d\`e f"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a_b%&$#", r"a\_b\%\&\$\#"),
        ("{x}~^\\", r"\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("é ± –", r"é $\pm$ --"),
        ("漢", r"\texttt{U+6F22}"),
        ("a\x07b\nc", "ab c"),
    ],
)
def test_latex_escapes(text: str, printed: str) -> None:
    assert tex(text) == printed


def test_groups_have_a_row_each(tmp_path: Path) -> None:
    extra = {"test_accuracy/two-facts": (40.0, "%"), "test_accuracy/lists": (60.0, "%")}
    runs = [train_run(name, 50.0, task="babi-sim", backbone="tokens", extra=extra)
            for name in ("liaf-net", "gru")]  # fmt: skip
    table = groups(results_of(tmp_path, runs))
    assert table is not None
    frame = table.frame
    assert frame["task"].tolist() == ["babi-sim: lists", "babi-sim: two-facts"]
    assert frame["gru"].tolist() == [60.0, 40.0]
    assert groups(results_of(tmp_path / "none", [train_run()])) is None


def test_accuracy_stands_tasks_down_models_across(tmp_path: Path) -> None:
    """With the mean over bAbI taken per seed, for models that have all twenty."""
    runs = [
        train_run("gru", 40.0 + number + 2 * seed, task=f"babi-qa{number}", seed=seed,
                  backbone="tokens")
        for number in range(1, 21) for seed in range(2)
    ]  # fmt: skip
    runs += [train_run("lstm", 70.0, task="babi-qa3", backbone="tokens")]
    runs += [train_run("conv-lstm", 70.0), train_run("lstm", None, seed=4)]
    table = accuracy(results_of(tmp_path, runs))
    frame = table.frame
    assert frame["task"].tolist()[:2] == ["babi-qa1", "babi-qa2"]
    mean = frame[frame["task"] == "babi, mean of 20 tasks"].iloc[0]
    assert (mean["gru"], mean["gru_n"]) == (51.5, 2)
    assert mean["gru_std"] == pytest.approx(2**0.5)
    assert pd.isna(mean["lstm"])
    text = render(table, "md")
    assert [cell for cell in cells(text, "babi-qa1 ") if cell == "n/a"] == ["n/a"]  # conv-lstm
    assert "failed" in cells(text, "digits-dvs")


def test_terminal_shows_each_task(frame: Table) -> None:
    console = Console(width=240, record=True, file=io.StringIO())
    console.print(terminal(frame))
    text = console.export_text()
    assert "digits-dvs" in text
    assert "95.50 ± 0.71 (n=2)" in text
    assert "KLIF: seed 1 failed" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "", "0"), (12.0, "", "12"), (1234567.0, "", "1,234,567"), (12.3456, "", "12.35"),
        (0.0625, "", "0.06250"), (0.00003, "", "3.00e-05"), (93.456, "%", "93.46"),
    ],
)  # fmt: skip
def test_numbers_for_people(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (12.3456, 0.5, "12.35 ± 0.50"), (1234.5, 20.0, "1,234 ± 20"),
        (5.0, float("nan"), "5"), (5.0, 0.0, "5.000 ± 0.000"),
    ],
)  # fmt: skip
def test_spreads_for_people(value: float, spread: float, text: str) -> None:
    assert with_spread(value, spread) == text


def latex_is_installed() -> bool:
    """Whether pdflatex and the two packages are there."""
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return False
    found = subprocess.run(["kpsewhich", "booktabs.sty", "graphicx.sty"], capture_output=True)
    return found.returncode == 0 and len(found.stdout.splitlines()) == 2


def test_latex_compiles(frame: Table, tmp_path: Path) -> None:
    if not latex_is_installed():
        pytest.skip("pdflatex with booktabs and graphicx is not installed")
    tables = [frame, everything(hostile_results(tmp_path / "hostile"))]
    (tmp_path / "tables.tex").write_text("\n".join(render(each, "tex") for each in tables))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}"
        "\\begin{document}\\input{tables}\\end{document}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 0


def test_what_is_counted_on_samples_is_what_counting_measures() -> None:
    measured = {metric for metric in MEASURED - set(STRUCTURE) if not metric.startswith(ENERGY)}
    assert set(ON_SAMPLES) == measured
