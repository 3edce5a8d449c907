/** The drawing of a curve, by uPlot. */

import { brief } from "./figures.js";

const HEIGHT = 260;
const TICK_HEIGHT = 22;
const COLOURS = ["#3f86d6", "#dd7a33", "#3d9c6b", "#c2559b", "#8a72d6", "#a8902a", "#3aa5b3", "#cf5f5f"];
const LEADS = [1, 2, 5];
const LEGEND_MOST = 8;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** A chart in `place`, as wide as it. */
export class Chart {
  #place;
  #plot = null;
  #made = "";
  #shown = null;
  #width = 0;
  #resized = new ResizeObserver(() => this.#fit());
  #recoloured = () => this.#redo();

  constructor(place) {
    this.#place = place;
    this.#resized.observe(place);
    dark.addEventListener("change", this.#recoloured);
  }

  /** Shows these columns, steps first; with a logarithmic axis if `log`. */
  show(columns, log) {
    this.#shown = [columns, log];
    const wanted = `${columns.length} ${log}`;
    if (this.#plot === null || this.#made !== wanted) {
      this.#plot?.destroy();
      this.#width = this.#place.clientWidth;
      this.#plot = new window.uPlot(options(this.#width, columns.length - 1, log), columns, this.#place);
      this.#made = wanted;
    } else {
      this.#plot.setData(columns);
    }
  }

  /** Takes the chart away. */
  remove() {
    this.#resized.disconnect();
    dark.removeEventListener("change", this.#recoloured);
    this.#plot?.destroy();
    this.#plot = null;
  }

  #fit() {
    const width = this.#place.clientWidth;
    if (this.#plot === null || width === this.#width || !width) return;
    this.#width = width;
    this.#plot.setSize({ width, height: HEIGHT });
  }

  #redo() {
    this.#made = "";
    if (this.#shown) this.show(...this.#shown);
  }
}

function options(width, starts, log) {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--quiet").trim();
  const grid = { stroke: style.getPropertyValue("--line").trim(), width: 1 };
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font, gap: 4 };
  const value = (_, number) => brief(number);
  const series = Array.from({ length: starts }, (_, k) => ({
    label: starts > 1 ? `Start ${k}` : "Value",
    stroke: COLOURS[k % COLOURS.length],
    width: starts > LEGEND_MOST ? 1 : 1.75,
    spanGaps: true,
    points: { show: (plot) => plot.data[0].length < 3 },
    value,
  }));
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false }, y: log ? { distr: 3, range: (_, low, high) => around(low, high) } : {} },
    axes: [
      { ...axis, size: 28, incrs: LEADS.flatMap((lead) => Array.from({ length: 9 }, (_, k) => lead * 10 ** k)).sort((a, b) => a - b) },
      { ...axis, size: 62, values: (_, splits) => splits.map((split) => (split === null ? "" : tick(split))), ...(log ? logarithmic(axis) : {}) },
    ],
    series: [{ label: "Step", value: (_, step) => (step === null || step === undefined ? "–" : String(step)) }, ...series],
    legend: { show: starts <= LEGEND_MOST },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
  };
}

/** The ends of a logarithmic axis: the next 1, 2 or 5 times a power of ten. */
function around(low, high) {
  if (!(low > 0)) return [1, 10];
  const below = LEADS.map((lead) => lead * 10 ** Math.floor(Math.log10(low))).filter((end) => end <= low);
  const above = [...LEADS, 10].map((lead) => lead * 10 ** Math.floor(Math.log10(high))).filter((end) => end > high);
  return [Math.max(...below, low / 2), Math.min(...above, high * 2)];
}

/** Of a logarithmic axis only powers of ten have a line and a text, as many as there is room for; of a short one more. */
function logarithmic(axis) {
  const filter = (_, splits) => {
    const found = splits.filter((split) => LEADS.some((lead) => isPower(split / lead)));
    const powers = found.filter(isPower);
    const every = Math.ceil((powers.length * TICK_HEIGHT) / HEIGHT);
    return splits.map((split) => {
      if (powers.length < 3) return found.includes(split) ? split : null;
      return isPower(split) && Math.round(Math.log10(split)) % every === 0 ? split : null;
    });
  };
  return { filter, grid: { ...axis.grid, filter }, ticks: { ...axis.ticks, filter } };
}

const isPower = (number) => Math.abs(number / 10 ** Math.round(Math.log10(number)) - 1) < 1e-6;

function tick(number) {
  const size = Math.abs(number);
  if (number !== 0 && (size >= 1e5 || size < 1e-3)) return number.toExponential().replace("e+", "e");
  return String(Number(number.toPrecision(6)));
}
