// What the report gains where scripts run: charts with tooltips, by mouse and by arrow keys, and the choice of a threshold
// that is marked in every chart and table. Everything it shows stands in the static page, too; a chart that cannot be
// drawn leaves the static picture in its place.
import * as Plot from "@observablehq/plot";

const kColors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];
const kFaded = 0.25;

const isThreshold = (text) => /^[0-9.]+ MB$/.test(text);
const number = (value) => (Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(+value.toPrecision(4)));

let chosen = "";
const charts = [];

// A chart's points in reading order, each with all that its tooltip says.
function pointsOf(chart) {
  const points = [];
  for (const series of chart.series) {
    for (const point of series.points) {
      const category = chart.categories[point.x];
      points.push({ ...point, series: series.name, mark: series.mark, category });
    }
  }
  return points;
}

function describe(chart, point) {
  const where = point.category ?? `${chart.x} ${number(point.x)}`;
  const band = point.low === undefined ? "" : ` [${number(point.low)}, ${number(point.high)}]`;
  return `${point.series}, ${where}: ${number(point.y)}${band} (${chart.y})`;
}

const opacity = (point) => (chosen && isThreshold(point.category ?? "") && point.category !== chosen ? kFaded : 1);

function barMarks(chart, points) {
  const bars = points.filter((p) => p.mark === "bars");
  const paper = points.filter((p) => p.mark === "paper");
  const first = bars.length ? bars[0].series : "";
  return {
    marks: [
      Plot.barY(bars, { fx: "category", x: "series", y: "y", fill: "series", fillOpacity: opacity }),
      Plot.ruleX(bars.filter((p) => p.low !== undefined), { fx: "category", x: "series", y1: "low", y2: "high" }),
      Plot.dot(paper, { fx: "category", x: () => first, y: "y", symbol: "times", stroke: "currentColor", strokeWidth: 2 }),
    ],
    position: (p) => ({ fx: p.category, x: p.mark === "paper" ? first : p.series, y: p.y }),
    scales: {
      x: { axis: null, domain: [...new Set(bars.map((p) => p.series))] },
      fx: { domain: chart.categories, label: chart.x },
    },
  };
}

function lineMarks(chart, points) {
  const lines = points.filter((p) => p.mark !== "paper");
  const banded = lines.filter((p) => p.low !== undefined);
  return {
    marks: [
      Plot.areaY(banded, { x: "x", y1: "low", y2: "high", z: "series", fill: "series", fillOpacity: 0.2 }),
      Plot.lineY(lines, { x: "x", y: "y", stroke: "series", strokeWidth: 2 }),
      Plot.dot(lines.filter((p) => p.mark === "line"), { x: "x", y: "y", fill: "series" }),
      Plot.dot(points.filter((p) => p.mark === "paper"), { x: "x", y: "y", symbol: "times", stroke: "currentColor", strokeWidth: 2 }),
    ],
    position: (p) => ({ x: p.x, y: p.y }),
    scales: { x: { type: chart.log ? "log" : "linear", label: chart.x } },
  };
}

class InteractiveChart {
  constructor(chart, title) {
    this.chart = chart;
    this.points = pointsOf(chart);
    this.at = -1;
    this.box = document.createElement("div");
    this.box.className = "interactive";
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", `${title}${chart.title ? ", " + chart.title : ""}: arrow keys go from point to point`);
    this.drawn = document.createElement("div");
    this.said = document.createElement("p");
    this.said.className = "tip";
    this.said.setAttribute("aria-live", "polite");
    const paper = chart.series.find((series) => series.mark === "paper");
    const heading = document.createElement("p");
    heading.className = "chart-title";
    heading.textContent = [chart.title, paper ? `\u00d7 ${paper.name}` : ""].filter(Boolean).join("; ");
    this.box.append(heading, this.drawn, this.said);
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    this.box.addEventListener("blur", () => this.show(-1));
    this.draw();
  }

  draw() {
    const { marks, position, scales } = this.chart.categories.length
      ? barMarks(this.chart, this.points)
      : lineMarks(this.chart, this.points);
    const tip = { ...this.channels(position), title: (p) => describe(this.chart, p) };
    marks.push(this.at < 0 ? Plot.tip(this.points, Plot.pointer(tip)) : Plot.tip([this.points[this.at]], tip));
    const names = [...new Set(this.points.filter((p) => p.mark !== "paper").map((p) => p.series))];
    const plot = Plot.plot({
      width: 580, height: 380, marginTop: 32, marginRight: 36, marginLeft: 60, marginBottom: 45, style: { fontSize: "12px" },
      ...scales,
      y: { type: this.chart.logY ? "log" : "linear", label: this.chart.y, grid: true, zero: !this.chart.logY, nice: true },
      color: { domain: names, range: kColors, legend: true },
      marks: [Plot.ruleY([0]), ...marks],
    });
    for (const svg of plot.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
    plot.addEventListener("input", () => this.say(plot.value));
    plot.addEventListener("click", () => {
      if (plot.value && isThreshold(plot.value.category ?? "")) choose(plot.value.category);
    });
    this.drawn.replaceChildren(plot);
  }

  channels(position) {
    const keys = Object.keys(position(this.points[0]));
    return Object.fromEntries(keys.map((key) => [key, (p) => position(p)[key]]));
  }

  say(point) {
    this.said.textContent = point ? describe(this.chart, point) : "";
  }

  show(at) {
    if (at === this.at) return;
    this.at = at;
    this.draw();
    this.say(at < 0 ? null : this.points[at]);
  }

  onKey(event) {
    const last = this.points.length - 1;
    const to = {
      ArrowRight: Math.min(this.at + 1, last),
      ArrowLeft: Math.max(this.at - 1, 0),
      Home: 0,
      End: last,
      Escape: -1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.show(to);
    } else if ((event.key === "Enter" || event.key === " ") && this.at >= 0) {
      event.preventDefault();
      const category = this.points[this.at].category ?? "";
      if (isThreshold(category)) choose(category);
    }
  }
}

function choose(threshold) {
  chosen = threshold;
  document.getElementById("threshold").value = threshold;
  for (const head of document.querySelectorAll("tbody th[scope=row]")) {
    head.parentElement.classList.toggle("chosen", threshold !== "" && head.textContent === threshold);
  }
  for (const chart of charts) chart.draw();
}

function addControls(thresholds) {
  const controls = document.createElement("p");
  controls.className = "controls";
  const label = document.createElement("label");
  label.htmlFor = "threshold";
  label.textContent = "Elephant threshold to mark in charts and tables: ";
  const select = document.createElement("select");
  select.id = "threshold";
  select.append(new Option("none", ""), ...thresholds.map((text) => new Option(text, text)));
  select.addEventListener("change", () => choose(select.value));
  controls.append(label, select);
  document.querySelector("main").prepend(controls);
}

function enhance(figure) {
  const picture = document.querySelector(`#${CSS.escape(figure.id)} .picture`);
  if (!picture || figure.charts.length === 0) return;
  try {
    const made = figure.charts
      .filter((chart) => chart.series.some((series) => series.points.length > 0))
      .map((chart) => new InteractiveChart(chart, figure.title));
    if (made.length === 0) return;
    picture.classList.add("print-only");
    const box = document.createElement("div");
    box.className = "charts";
    box.append(...made.map((chart) => chart.box));
    picture.after(box);
    charts.push(...made);
  } catch (error) {
    console.warn(`${figure.id} stays as it is:`, error);
  }
}

const data = JSON.parse(document.getElementById("chart-data").textContent);
const rows = [...document.querySelectorAll("tbody th[scope=row]")].map((head) => head.textContent);
const thresholds = [...new Set(rows.filter(isThreshold))].sort((a, b) => parseFloat(a) - parseFloat(b));
if (thresholds.length > 0) addControls(thresholds);
data.forEach(enhance);
