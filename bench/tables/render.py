"""One table, its renderings as text: CSV, Markdown, LaTeX."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

import pandas as pd

from liafbench.baselines.errors import unknown
from liafbench.bench.tables.columns import NARROW
from liafbench.bench.tables.sheet import sheets
from liafbench.bench.tables.table import BEST, SECOND, MetricsTable, Sheet, Table, TableCell

FORMATS = ("csv", "md", "tex")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet takes for a formula."""

LONG_TEXT = 40  # characters
HEAD_WIDTH = 14  # characters
ROWS = 30
"""A float does not break over pages: longer sheets are cut."""

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "±": r"$\pm$", "–": "--", "—": "---", "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$",
    "…": r"\dots{}", "“": "``", "”": "''", "’": "'", "‘": "`", "\u00a0": "~", "µ": r"$\mu$",
    "[": "{[}", "]": "{]}",
}  # fmt: skip
_NEEDS_T1 = "ÐðÞþ"
_PLAIN = re.compile(r"[A-Za-z0-9 .,:;()/+=*-]*\Z")
HEADER = (
    "% Needs \\usepackage{booktabs,graphicx}; \\cite keys are in the output of `liafbench cite`.\n"
)
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def render(table: Table, form: str, columns: Sequence[str] | None = None) -> str:
    """A table as "csv" (everything, full precision), "md" or "tex" (for people).

    `columns` chooses the metrics of a comparison; without it LaTeX shows what fits a page.
    Raises UsageError for a format or metric that is not there.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "csv":
        return csv_text(table)
    if form == "md":
        return markdown(sheets(table, columns))
    if table.narrow:
        table = table.with_frame(table.frame[list(table.narrow)])
    return latex(sheets(table, columns or narrow(table)))


def narrow(table: Table) -> list[str] | None:
    """The metrics that fit across a page; None for tables that are narrow already."""
    if not isinstance(table, MetricsTable) or table.label != "comparison":
        return None
    return [metric for metric in table.metrics if metric in NARROW]


def csv_text(table: Table) -> str:
    """The whole frame; floats in their shortest form that reads back to the same value."""
    safe = table.frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(harmless)
    safe.columns = pd.Index([harmless(_head(str(name), table.units)) for name in safe.columns])
    return safe.to_csv(index=False, lineterminator="\n")


def harmless(value: object) -> object:
    """Text that no spreadsheet runs: an apostrophe goes before what looks like a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _head(name: str, units: dict[str, str]) -> str:
    """The column's name with the unit of its metric; counts of values have none."""
    for suffix in ("", "_std", "_low", "_high"):
        metric = name.removesuffix(suffix) if suffix else name
        if metric in units and metric + suffix == name:
            return f"{name} [{units[metric]}]"
    return name


def markdown(sheets: Iterable[Sheet]) -> str:
    """One section a sheet: title, table, notes, caption. Best in bold, second in italics."""
    return "\n".join(_section(sheet) for sheet in sheets)


def escape_markdown(text: str) -> str:
    """Text that Markdown and the HTML made of it show as it is, on one line."""
    one_line = " ".join(text.split())
    html = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", html)


def _section(sheet: Sheet) -> str:
    rule = [":--" if place < sheet.text_columns else "--:" for place in range(len(sheet.heads))]
    lines = [
        f"## {escape_markdown(sheet.title)}",
        "",
        _row(escape_markdown(head) for head in sheet.heads),
    ]
    lines += [_row(rule), *(_row(_cell(cell) for cell in row) for row in sheet.rows)]
    if sheet.notes:
        lines += ["", *(f"- {escape_markdown(note)}" for note in sheet.notes)]
    if sheet.caption:
        lines += ["", escape_markdown(sheet.caption)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    marks = {BEST: "**", SECOND: "*"}.get(cell.rank, "")
    return f"{marks}{text}{marks}"


def latex(sheets: Iterable[Sheet]) -> str:
    """One `table` environment a sheet. Best in bold, second underlined."""
    return HEADER + "\n".join(part for sheet in sheets for part in _tables(sheet))


def escape_latex(text: str) -> str:
    """Text that pdflatex prints as it is; letters it has no glyph for as their code point."""
    text = " ".join(text.split())
    return text if _PLAIN.match(text) else "".join(_escape_character(each) for each in text)


def _escape_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isascii():
        return character if character.isprintable() else ""
    latin1 = unicodedata.category(character).startswith("L") and 0xC0 <= ord(character) <= 0xFF
    if latin1 and character not in _NEEDS_T1:
        return character
    return rf"\texttt{{U+{ord(character):04X}}}"


def _tables(sheet: Sheet) -> Iterable[str]:
    columns = "".join(_column(sheet, place) for place in range(len(sheet.heads)))
    starts = range(0, max(1, len(sheet.rows)), ROWS)
    for number, start in enumerate(starts, start=1):
        suffix = f"-{number}" if len(starts) > 1 else ""
        title = sheet.title + (f" ({number} of {len(starts)})" if suffix else "")
        yield _table(sheet, columns, sheet.rows[start : start + ROWS], title, sheet.label + suffix)


def _table(sheet: Sheet, columns: str, rows: list[list[TableCell]], title: str, label: str) -> str:
    head = " & ".join(_tex_head(text) for text in sheet.heads)
    body = "\n".join(" & ".join(_tex_cell(cell) for cell in row) + r" \\" for row in rows)
    lines = "\n".join(rf"{escape_latex(note)}\par" for note in sheet.notes)
    notes = f"\\par{{\\footnotesize\\raggedright\n{lines}\n}}\n" if lines else ""
    return (
        "\\begin{table}[htbp]\n\\centering\\small\\setlength{\\tabcolsep}{4pt}\n"
        f"\\caption{{{escape_latex(title)}. {escape_latex(sheet.caption)}}}\n"
        f"\\label{{tab:{_key(label)}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{{columns}}}\n"
        f"\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}}}\n"
        f"{notes}"
        "\\end{table}\n"
    )


def _tex_head(text: str) -> str:
    """A head over several short lines, its unit on the last."""
    title, bracket, unit = text.rpartition(" [")
    lines = textwrap.wrap(title if bracket else text, HEAD_WIDTH, break_long_words=False)
    lines += [f"[{unit}"] if bracket else []
    if len(lines) < 2:
        return escape_latex(text)
    stacked = r" \\ ".join(escape_latex(line) for line in lines)
    return rf"\shortstack{{{stacked}}}"


def _column(sheet: Sheet, place: int) -> str:
    """Right for numbers, left for text, lines of five centimetres for long text."""
    if place >= sheet.text_columns:
        return "r"
    longest = max((len(row[place].text) for row in sheet.rows), default=0)
    return r"p{5cm}" if longest > LONG_TEXT else "l"


def _tex_cell(cell: TableCell) -> str:
    text = escape_latex(cell.text)
    if cell.rank == BEST:
        text = rf"\textbf{{{text}}}"
    elif cell.rank == SECOND:
        text = rf"\underline{{{text}}}"
    elif cell.muted:
        text = rf"\textit{{{text}}}"
    return text + (rf"~\cite{{{_key(cell.cite)}}}" if cell.cite else "")


def _key(text: str) -> str:
    """A label or citation key: letters, digits, and what neither TeX nor BibTeX minds."""
    return "".join(
        each if each.isascii() and (each.isalnum() or each in ":-.") else "-" for each in text
    )
