// What each kind of figure draws: traces, axes, and the same numbers as a table for download.

const report = JSON.parse(document.getElementById("document").textContent);
const narrow = () => innerWidth < 600;

// Plotly reads a little HTML in its texts: names are shown as they are, long ones cut.
function shown(text, length = narrow() ? 16 : 32) {
  const cut = text.length > length ? text.slice(0, length - 1) + "…" : text;
  return cut.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const model = (key) => report.models[key];
const rowsOf = (block, ...metrics) =>
  report.rows.filter((row) => row.block === block && metrics.every((name) => row.values[name]));
const modelOrder = Object.keys(report.models);
const byModel = (entries) =>
  [...entries].sort((a, b) => modelOrder.indexOf(a.model) - modelOrder.indexOf(b.model));
const axis = (title, more = {}) => ({ title: { text: shown(title, narrow() ? 40 : 80) }, automargin: true, ...more });

// Powers of ten, and 2 and 5 between them where there are few.
function logAxis(title, values) {
  const most = Math.max(...values);
  const few = Math.log10(most / Math.min(...values)) < (narrow() ? 1 : 2);
  return axis(title, { type: "log", dtick: few ? "D2" : 1, tickformat: most < 1000 ? "~g" : "~s" });
}

function points(block, metric, label) {
  const rows = rowsOf(block, metric, "test_accuracy");
  const error = (row) => {
    const [mean, std] = row.values.test_accuracy;
    if (row.low === null) return { array: [std ?? 0], arrayminus: [std ?? 0] };
    return { array: [row.high - mean], arrayminus: [mean - row.low] };
  };
  const traces = rows.map((row) => ({
    name: shown(model(row.model).title),
    x: [row.values[metric][0]],
    y: [row.values.test_accuracy[0]],
    error_x: { array: [row.values[metric][1] ?? 0], thickness: 1, width: 3 },
    error_y: { symmetric: false, thickness: 1, width: 3, ...error(row) },
    mode: "markers",
    marker: { color: model(row.model).colour, symbol: model(row.model).symbol, size: 11 },
    hovertemplate: "%{x:.4s}, %{y:.2f} %<extra>" + shown(model(row.model).title) + "</extra>",
  }));
  const front = (report.fronts[block]?.[metric] ?? []).map((key) => rows.find((row) => row.model === key));
  traces.unshift({
    name: "Pareto front", mode: "lines", line: { shape: "hv", width: 1.5, color: "#858585" }, hoverinfo: "skip",
    x: front.map((row) => row.values[metric][0]), y: front.map((row) => row.values.test_accuracy[0]),
  });
  return {
    traces: rows.length ? traces : [],
    layout: { xaxis: logAxis(label.replace(/,[^[]*/, " "), rows.map((row) => row.values[metric][0])), yaxis: axis("test accuracy [%]") },
    columns: ["model", metric, "std", "test_accuracy [%]", "std", "low", "high", "on_front"],
    table: rows.map((row) => [
      model(row.model).title, row.values[metric][0], row.values[metric][1],
      row.values.test_accuracy[0], row.values.test_accuracy[1], row.low, row.high,
      front.includes(row) ? "yes" : "no",
    ]),
  };
}

function throughput(block, metric, label) {
  const rows = byModel(rowsOf(block, metric)).reverse();
  const value = (row, place) => row.values[metric][place];
  return {
    traces: rows.length ? [{
      x: rows.map((row) => value(row, 0)),
      y: rows.map((row) => shown(model(row.model).title)),
      error_x: { array: rows.map((row) => value(row, 1) ?? 0), thickness: 1.5, width: 4, color: "#858585" },
      mode: "markers",
      marker: {
        size: 11, color: rows.map((row) => model(row.model).colour),
        symbol: rows.map((row) => model(row.model).symbol),
      },
      hovertemplate: "%{y}: %{x:.4s}<extra></extra>", showlegend: false,
    }] : [],
    layout: { xaxis: logAxis(label.replace(/,[^[]*/, " "), rows.map((row) => value(row, 0))), yaxis: axis("", { type: "category" }), bands: rows.length },
    columns: ["model", metric + " [samples/s]", "half_iqr", "rounds"],
    table: rows.toReversed().map((row) => [model(row.model).title, ...row.values[metric]]),
  };
}

// Cividis, from its dark to its light end: told apart in every kind of colour vision, and in grey.
const CIVIDIS = ["#213d6b", "#4c556c", "#6c6e72", "#8b8779", "#ada077", "#d1ba6a", "#fee838"];

function layers(block, metric, label) {
  const rows = byModel(report.layers.filter((each) => each.block === block && each[metric]));
  const names = [...new Set(rows.map((each) => each.layer))];
  const models = [...new Set(rows.map((each) => each.model))].reverse();
  const traces = names.map((name, i) => {
    const own = rows.filter((each) => each.layer === name);
    const colour = CIVIDIS[Math.round((i * (CIVIDIS.length - 1)) / Math.max(1, names.length - 1))];
    return {
      type: "bar", orientation: "h", name: shown(name),
      x: own.map((each) => each[metric]), y: own.map((each) => shown(model(each.model).title)),
      marker: { color: colour, line: { width: 0.5, color: "#858585" } },
      hovertemplate: "%{y}: %{x:.4s}<extra>" + shown(name) + "</extra>",
    };
  });
  return {
    traces,
    layout: {
      barmode: "stack", xaxis: axis(label, { rangemode: "tozero" }), bands: models.length,
      yaxis: axis("", { type: "category", categoryorder: "array", categoryarray: models.map((key) => shown(model(key).title)) }),
    },
    columns: ["model", "layer", metric],
    table: rows.map((each) => [model(each.model).title, each.layer, each[metric]]),
  };
}

function spikes(block) {
  const rows = byModel(report.layers.filter((each) => each.block === block && each.spike_rate !== null));
  const names = [...new Set(rows.map((each) => each.layer))];
  const traces = [...new Set(rows.map((each) => each.model))].map((key) => {
    const own = rows.filter((each) => each.model === key);
    return {
      name: shown(model(key).title), mode: "lines+markers",
      x: own.map((each) => shown(each.layer)), y: own.map((each) => each.spike_rate),
      line: { color: model(key).colour, dash: model(key).dash }, marker: { symbol: model(key).symbol, size: 10 },
    };
  });
  return {
    traces,
    layout: {
      xaxis: axis("", { type: "category", categoryorder: "array", categoryarray: names.map((name) => shown(name)) }),
      yaxis: axis("spike rate", { rangemode: "tozero" }),
    },
    columns: ["model", "layer", "spike_rate"],
    table: rows.map((each) => [model(each.model).title, each.layer, each.spike_rate]),
  };
}

function curves(block, name) {
  const runs = byModel(report.curves.filter((each) => each.block === block && each.name === name));
  const named = new Set();
  const traces = runs.map((run) => {
    const first = !named.has(run.model);
    named.add(run.model);
    return {
      name: shown(model(run.model).title), legendgroup: run.model, showlegend: first, mode: "lines",
      x: run.values.map((_, i) => i + 1), y: run.values,
      line: { color: model(run.model).colour, dash: model(run.model).dash, width: 1.5 },
      hovertemplate: `%{y:.4g}, epoch %{x}, seed ${run.seed}<extra>${shown(model(run.model).title)}</extra>`,
    };
  });
  const unit = name.endsWith("accuracy") ? " [%]" : "";
  return {
    traces,
    layout: { xaxis: axis("epoch", { rangemode: "tozero" }), yaxis: axis((name ?? "").replaceAll("_", " ") + unit) },
    columns: ["model", "seed", "epoch", name + unit],
    table: runs.flatMap((run) => run.values.map((value, i) => [model(run.model).title, run.seed, i + 1, value])),
  };
}

const KINDS = { points, throughput, layers, spikes, curves };
