"""How each model is drawn: the same colour, symbol and dash in every figure."""

from __future__ import annotations

from typing import TypedDict

from liafbench.bench.results import labels

COLOURS = {
    "liaf-net": "#0072B2",
    "klif": "#E69F00",
    "lif-snn": "#009E73",
    "lstm": "#D55E00",
    "gru": "#CC79A7",
    "conv-lstm": "#56B4E9",
    "conv3d": "#999933",
}
"""Okabe and Ito's palette for colour-blind readers; its yellow, pale on white, is an olive."""
OTHERS = ("#AA4499", "#44AA99", "#BB5566", "#DDAA33")
GREY = "#858585"
SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "triangle-down", "star", "hexagon", "pentagon",
    "cross", "x", "bowtie", "hourglass",
)  # fmt: skip
"""A second sign beside colour."""


class Model(TypedDict):
    """A model as figures draw it."""

    title: str
    colour: str
    symbol: str
    dash: str


def key(row: dict[str, str]) -> str:
    """A model: a baseline with its options and engine, whatever it is trained on."""
    return "|".join(row[part] for part in ("baseline", "options", "engine"))


def models(rows: list[dict[str, str]]) -> dict[str, Model]:
    """The models of comparison rows, in their order."""
    engines = {row["engine"] for row in rows} - {""}
    found: dict[str, Model] = {}
    for row in rows:
        found.setdefault(key(row), _model(row, len(found), shown_engine=len(engines) > 1))
    return found


def _model(row: dict[str, str], place: int, *, shown_engine: bool) -> Model:
    name = row["baseline"]
    apart = ", ".join(
        part for part in (row["options"], row["engine"] if shown_engine else "") if part
    )
    control = labels.role(name) == "control"
    known = list(COLOURS)
    fixed = known.index(name) if name in known else len(known) + place
    symbol = SYMBOLS[fixed % len(SYMBOLS)]
    return Model(
        title=labels.title(name) + (f" ({apart})" if apart else ""),
        colour=GREY if control else _colour(name, place),
        symbol=f"{symbol}-open" if control else symbol,
        dash="dot" if control else "dash" if labels.role(name) == "variant" else "solid",
    )


def _colour(name: str, place: int) -> str:
    """A variant has the colour of what it varies."""
    return COLOURS.get(name.removesuffix("-recurrent"), OTHERS[place % len(OTHERS)])
