"use strict";
// Files made in the page: CSV that no spreadsheet takes for formulas, and figures as SVG.

function csvText(columns, rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? "'" + value : String(value);
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function fileName(...parts) {
  const text = parts.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return text.replace(/^-+|-+$/g, "").slice(0, 80) || "liafbench";
}
