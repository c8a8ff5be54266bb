// Draws the figures of the chosen block, in the colours of the theme, and offers them as files.

const blockSelect = document.getElementById("block");
for (const [key, label] of Object.entries(report.blocks)) blockSelect.add(new Option(label, key));

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), line: of("--line"), paper: of("--paper") };
}

const TWO_COLUMNS = { entrywidth: 0.5, entrywidthmode: "fraction" };

function fullLayout(layout, entries) {
  const { ink, line, paper } = colours();
  const { bands, ...own } = layout;
  const ruled = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line };
  return {
    ...own,
    xaxis: { ...ruled, ...own.xaxis }, yaxis: { ...ruled, ...own.yaxis },
    paper_bgcolor: paper, plot_bgcolor: paper,
    font: { color: ink, size: 12, family: "system-ui, sans-serif" },
    hoverlabel: { bgcolor: paper, bordercolor: line, font: { color: ink } },
    margin: { l: 50, r: 16, t: 10, b: 40 }, hovermode: "closest",
    legend: { orientation: "h", traceorder: "normal", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 }, ...(narrow() && TWO_COLUMNS) },
    height: Math.max(416, bands ? 170 + 26 * bands : 0) + (narrow() ? 9 * entries : 0),
  };
}

function contents(figure) {
  const spec = report.figures.find((each) => each.name === figure.dataset.figure);
  const choice = figure.querySelector(".choice").value;
  return KINDS[spec.kind](blockSelect.value, choice, spec.choices[choice] ?? "");
}

function draw(figure) {
  const { traces, layout } = contents(figure);
  const plot = figure.querySelector(".plot");
  figure.querySelector(".nothing").hidden = traces.length > 0;
  plot.hidden = traces.length === 0;
  figure.querySelectorAll("button").forEach((each) => (each.hidden = traces.length === 0));
  if (!traces.length) return Plotly.purge(plot);
  return Plotly.react(plot, traces, fullLayout(layout, traces.filter((each) => each.showlegend !== false).length), { responsive: true, displayModeBar: false, typesetMath: false });
}

const figures = [...document.querySelectorAll("figure[data-figure]")];

// Plotly stands in the page as text: reading its megabytes waits until the page is shown.
function loadPlotly() {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly").textContent;
  document.head.append(script);
}

// A figure is drawn when it comes near the window, so that the page opens at once.
const near = new Set();
const stale = new Set(figures);

function drawNear() {
  if (near.size) loadPlotly();
  for (const figure of near) if (stale.delete(figure)) draw(figure);
}

function drawAll() {
  figures.forEach((each) => stale.add(each));
  drawNear();
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) near.add(target);
    else near.delete(target);
  }
  drawNear();
}, { rootMargin: "300px" });
figures.forEach((each) => watcher.observe(each));
requestIdleCallback(loadPlotly);
addEventListener("beforeprint", () => figures.forEach((each) => stale.delete(each) && draw(each)));

async function saveSvg(figure) {
  const plot = figure.querySelector(".plot");
  const { width, height } = plot.getBoundingClientRect();
  const url = await Plotly.toImage(plot, { format: "svg", width: Math.max(640, width), height });
  const text = decodeURIComponent(url.slice(url.indexOf(",") + 1));
  save(fileName(figure.dataset.figure, report.blocks[blockSelect.value]) + ".svg", "image/svg+xml", text);
}

function saveCsv(figure) {
  const { columns, table } = contents(figure);
  save(fileName(figure.dataset.figure, report.blocks[blockSelect.value]) + ".csv", "text/csv", csvText(columns, table));
}

for (const figure of figures) {
  figure.querySelector(".choice").addEventListener("change", () => draw(figure));
  figure.querySelector(".csv").addEventListener("click", () => saveCsv(figure));
  figure.querySelector(".svg").addEventListener("click", () => saveSvg(figure));
}
blockSelect.addEventListener("change", drawAll);
