"""The page in a real browser: it draws, sorts, filters, saves, and fits a phone."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import report_runs
from report_browser import Page

FIGURES = ("energy", "parameters", "throughput", "layers", "spikes", "curves")
COLUMN = (
    "return [...body.rows].filter(r => !r.hidden).map(r => r.cells[arguments[0]].dataset.value)"
)


def column_of(page: Page, metric: str) -> int:
    return page.run("return heads.findIndex(h => h.dataset.metric === arguments[0])", metric)


def sort_by(page: Page, metric: str) -> list[float]:
    place = column_of(page, metric)
    page.run("heads[arguments[0]].querySelector('button').click()", place)
    return [float(value) for value in page.run(COLUMN, place) if value]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_draws_without_a_word_in_the_console(
    page: Page, usual: Path, width: int, theme: str
) -> None:
    page.open(usual, width, theme)
    page.draw_all()
    for name in FIGURES:
        marks = page.run(
            "return document.querySelectorAll(`#figure-${arguments[0]} .plot :is(.point, "
            ".js-line, .bars path)`).length", name,
        )  # fmt: skip
        assert marks > 0, name
    assert page.errors() == []


def test_every_choice_of_every_figure_draws_every_model(page: Page, usual: Path) -> None:
    page.open(usual)
    page.draw_all()
    drawn = page.run("""
        const found = [];
        for (const block of blockSelect.options) {
          blockSelect.value = block.value;
          for (const figure of figures)
            for (const option of figure.querySelector(".choice").options) {
              figure.querySelector(".choice").value = option.value;
              draw(figure);
              found.push([figure.dataset.figure, option.value, contents(figure).table.length]);
            }
        }
        return found""")
    models, seeds, epochs = len(report_runs.MODELS), 3, 12
    for name, choice, rows in drawn:
        if name in ("energy", "parameters", "throughput"):
            assert rows == models, (name, choice)
        if name == "curves":
            assert rows == models * seeds * epochs
        if name == "layers":
            # Nothing that costs nothing is drawn: the fabricated networks have no ACs.
            layers = {"mac_dense": 4, "mac_effective": 4, "ac": 0}.get(choice, 7)
            assert rows == models * layers, choice
    assert page.errors() == []


def test_the_table_sorts(page: Page, usual: Path) -> None:
    page.open(usual)
    falling = sort_by(page, "parameters")
    assert falling == sorted(falling, reverse=True)
    assert len(falling) == 2 * len(report_runs.MODELS)
    rising = sort_by(page, "parameters")
    assert rising == sorted(rising)
    said = page.run("return heads.map(h => h.getAttribute('aria-sort')).filter(s => s !== 'none')")
    assert said == ["ascending"]
    page.run("heads[0].querySelector('button').click()")
    names = page.run(COLUMN, 0)
    assert names == sorted(names, key=str.lower)


def test_the_table_filters(page: Page, usual: Path) -> None:
    page.open(usual)

    def shown() -> tuple[int, str]:
        return len(page.run(COLUMN, 0)), page.run("return document.getElementById('shown').value")

    assert shown() == (18, "18 of 18 rows")
    page.run(
        "const each = document.querySelector('[data-filter=budget]'); each.value = 'equal-budget';"
        "each.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert shown() == (9, "9 of 18 rows")
    page.run("document.getElementById('controls').click()")
    assert shown() == (7, "7 of 18 rows")
    page.driver.find_element("id", "find").send_keys("LiAf")
    assert page.run(COLUMN, 0) == ["LIAF-Net"]


def test_the_data_of_a_figure_comes_as_csv(page: Page, usual: Path) -> None:
    page.open(usual)
    page.draw_all()
    with page.download("#figure-energy .csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    document = page.document()
    block = next(iter(document["blocks"]))
    metric = "energy_45nm_fp32"
    expected = {
        document["models"][row["model"]]["title"]: row["values"][metric][0]
        for row in document["rows"]
        if row["block"] == block
    }
    assert {row["model"]: float(row[metric]) for row in rows} == expected
    titles = {key: model["title"] for key, model in document["models"].items()}
    front = {titles[key] for key in document["fronts"][block][metric]}
    assert {row["model"] for row in rows if row["on_front"] == "yes"} == front
    assert not front & {"CNN on the mean frame", "LIAF-Net, alpha 0"}


def test_a_figure_comes_as_svg(page: Page, usual: Path) -> None:
    page.open(usual)
    page.draw_all()
    path = page.download("#figure-throughput .svg")
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    assert "ConvLSTM" in "".join(root.itertext())
    assert re.fullmatch(r"throughput-digits-dvs[a-z0-9-]*( \(\d+\))?\.svg", path.name)


def test_the_table_comes_as_csv_of_what_is_shown(page: Page, usual: Path) -> None:
    page.open(usual)
    page.driver.find_element("id", "find").send_keys("conv")
    with page.download("#table-csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"ConvLSTM", "Conv3D"}
    assert {row["budget"] for row in rows} == {"equal-backbone", "equal-budget"}
    accuracy = [float(row["test accuracy [%]"]) for row in rows]
    assert all(92 < value < 97 for value in accuracy)


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)` (WCAG 2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page: Page, selector: str) -> float:
    ink = page.run("return getComputedStyle(document.querySelector(arguments[0])).color", selector)
    paper = page.run("return getComputedStyle(document.body).backgroundColor")
    dark, light = sorted([luminance(ink), luminance(paper)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_follows_the_system_and_the_button(page: Page, usual: Path, theme: str) -> None:
    page.open(usual, theme=theme)
    paper = "return getComputedStyle(document.body).backgroundColor"
    first = luminance(page.run(paper))
    assert first > 0.9 if theme == "light" else first < 0.05
    for selector in ("p", ".lead", "a", "small"):
        assert contrast(page, selector) >= 4.5, selector
    page.draw_all()
    page.run("document.getElementById('theme').click()")
    page.draw_all()
    assert (luminance(page.run(paper)) > 0.9) == (theme == "dark")
    background = page.run(
        "return getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"
    )
    assert background == page.run(paper)


@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_nothing_scrolls_sideways_on_a_phone(
    page: Page, which: str, request: pytest.FixtureRequest
) -> None:
    page.open(request.getfixturevalue(which), width=390)
    page.draw_all()
    page.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.run("return document.documentElement.scrollWidth") == 390


def test_awkward_names_are_shown_as_they_are(page: Page, hostile: Path) -> None:
    page.open(hostile)
    page.draw_all()
    assert set(page.run(COLUMN, 0)) == set(report_runs.AWKWARD)
    names = page.run("return [...body.rows].map(r => r.cells[0].firstChild.textContent)")
    assert set(names) == set(report_runs.AWKWARD)
    drawn = page.run(
        "return [...document.querySelectorAll('#figure-parameters .legendtext')]"
        ".map(each => each.textContent)"
    )
    assert report_runs.HOSTILE in drawn
    assert {"a_b%&$", "=1+1", "x" * 31 + "…"} <= set(drawn)
    assert page.errors() == []
    with page.download("#figure-parameters .csv").open(newline="", encoding="utf-8") as file:
        names = {row["model"] for row in csv.DictReader(file)}
    assert names == {"'=1+1", *report_runs.AWKWARD} - {"=1+1"}
