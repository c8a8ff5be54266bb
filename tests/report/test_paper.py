"""The figure for papers: what it shows, that it is the same each time, and what it refuses."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import pytest
import report_runs

from liafbench.baselines.errors import UsageError
from liafbench.bench.report.content import gather
from liafbench.bench.report.paper import COSTS, find_block, write_figure


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_runs.usual(tmp_path_factory.mktemp("results"))


def test_it_shows_the_rows_and_fronts_of_the_report(usual: Path) -> None:
    block = find_block(usual, "equal-budget", COSTS)
    document = gather(usual).document
    key = block.rows[0]["block"]
    rows = [row for row in document["rows"] if row["block"] == key]
    assert block.rows == rows
    assert {each["model"] for each in rows} == set(document["models"])
    for cost in COSTS:
        assert block.fronts[cost] == document["fronts"][key][cost]


def test_every_model_is_named_and_two_drawings_are_the_same(usual: Path, tmp_path: Path) -> None:
    with mpl.rc_context({"svg.fonttype": "none"}):
        write_figure(usual, tmp_path / "a.svg", "equal-budget")
        write_figure(usual, tmp_path / "b.svg", "equal-budget")
    text = "".join(ET.parse(tmp_path / "a.svg").getroot().itertext())
    for model in gather(usual).document["models"].values():
        assert model["title"] in text
    assert "estimated energy" in text
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_awkward_names_are_drawn_as_they_are(tmp_path: Path, ending: str) -> None:
    root = report_runs.hostile(tmp_path / "results")
    path = tmp_path / f"figure.{ending}"
    with mpl.rc_context({"svg.fonttype": "none"}):
        write_figure(root, path, theme="dark")
    if ending == "svg":
        text = "".join(ET.parse(path).getroot().itertext())
        assert report_runs.HOSTILE in text
        assert "a_b%&$" in text
        assert "U+6A21U+578B-Ω-é" in text
        assert "x" * 200 not in text


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("f.svg", {}, "equal-budget"),
        ("f.svg", {"place": "nmnist"}, "--select nmnist: 0 comparisons"),
        ("f.svg", {"place": "equal-budget", "costs": ["parametres"]}, "did you mean 'parameters'"),
        ("f.svg", {"place": "equal-budget", "theme": "drak"}, "did you mean 'dark'"),
        ("f.jpeg", {"place": "equal-budget"}, "ending of a figure"),
    ],
)
def test_a_mistake_is_one_line(
    usual: Path, tmp_path: Path, name: str, fields: dict, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        write_figure(usual, tmp_path / name, **fields)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / name).exists()
