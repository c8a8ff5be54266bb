// The comparison table: sort by a head, filter by what is chosen above it.

const table = document.getElementById("comparison-table");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];

function sortValue(row, column) {
  const value = row.cells[column].dataset.value;
  if (!heads[column].classList.contains("number")) return value.toLowerCase();
  return value === "" ? null : Number(value);
}

function sortBy(column) {
  const head = heads[column];
  const numeric = head.classList.contains("number");
  const first = numeric ? "descending" : "ascending";
  const other = numeric ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  heads.forEach((each) => each.setAttribute("aria-sort", each === head ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => [sortValue(row, column), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null); // nothing measured: last
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  });
  body.append(...rows.map(([, row]) => row));
}

function filterRows() {
  const wanted = document.getElementById("find").value.trim().toLowerCase();
  const controls = document.getElementById("controls").checked;
  const selects = [...document.querySelectorAll("[data-filter]")].filter((each) => each.value);
  let shown = 0;
  for (const row of body.rows) {
    const text = row.cells[0].textContent + " " + row.cells[1].textContent;
    const fits =
      (controls || row.dataset.role !== "control") &&
      (!wanted || text.toLowerCase().includes(wanted)) &&
      selects.every((each) => row.dataset[each.dataset.filter] === each.value);
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").value = `${shown} of ${body.rows.length} rows`;
}

function tableCsv() {
  const rows = [...body.rows].filter((row) => !row.hidden);
  const place = ["suite", "machine", "task", "backbone", "budget"];
  const columns = ["model", ...place, ...heads.slice(2).map((each) => each.innerText.trim())];
  const values = rows.map((row) => [
    row.cells[0].dataset.value,
    ...place.map((name) => row.dataset[name]),
    ...[...row.cells].slice(2).map((cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value))),
  ]);
  save("comparison.csv", "text/csv", csvText(columns, values));
}

heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sortBy(column)));
document.getElementById("filters").addEventListener("input", filterRows);
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("table-csv").addEventListener("click", tableCsv);
filterRows();
