"""Sheets as LaTeX tables (booktabs, graphicx), ready for \\input in any document."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable

from liafbench.bench.tables.table import BEST, SECOND, Sheet, TableCell

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


def latex(sheets: Iterable[Sheet]) -> str:
    """One `table` environment a sheet. Best in bold, second underlined."""
    return HEADER + "\n".join(part for sheet in sheets for part in _tables(sheet))


def escape(text: str) -> str:
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
    head = " & ".join(_head(text) for text in sheet.heads)
    body = "\n".join(" & ".join(_cell(cell) for cell in row) + r" \\" for row in rows)
    lines = "\n".join(rf"{escape(note)}\par" for note in sheet.notes)
    notes = f"\\par{{\\footnotesize\\raggedright\n{lines}\n}}\n" if lines else ""
    return (
        "\\begin{table}[htbp]\n\\centering\\small\\setlength{\\tabcolsep}{4pt}\n"
        f"\\caption{{{escape(title)}. {escape(sheet.caption)}}}\n"
        f"\\label{{tab:{_key(label)}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{{columns}}}\n"
        f"\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}}}\n"
        f"{notes}"
        "\\end{table}\n"
    )


def _head(text: str) -> str:
    """A head over several short lines, its unit on the last."""
    title, bracket, unit = text.rpartition(" [")
    lines = textwrap.wrap(title if bracket else text, HEAD_WIDTH, break_long_words=False)
    lines += [f"[{unit}"] if bracket else []
    if len(lines) < 2:
        return escape(text)
    stacked = r" \\ ".join(escape(line) for line in lines)
    return rf"\shortstack{{{stacked}}}"


def _column(sheet: Sheet, place: int) -> str:
    """Right for numbers, left for text, lines of five centimetres for long text."""
    if place >= sheet.text_columns:
        return "r"
    longest = max((len(row[place].text) for row in sheet.rows), default=0)
    return r"p{5cm}" if longest > LONG_TEXT else "l"


def _cell(cell: TableCell) -> str:
    text = escape(cell.text)
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
