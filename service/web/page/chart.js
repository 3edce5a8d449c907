/** The drawing of a curve, by uPlot. */

import { brief } from "./figures.js";
import { around, Scale } from "./scale.js";

const HEIGHT = 260;
const COLOURS = ["#3f86d6", "#dd7a33", "#3d9c6b", "#c2559b", "#8a72d6", "#a8902a", "#3aa5b3", "#cf5f5f"];
const LEGEND_MOST = 8;
const FONT = "12px system-ui, sans-serif";
const LETTER = 7.2;
const INCREMENTS = Array.from({ length: 31 }, (_, k) => [1, 2, 5].map((lead) => Number(`${lead}e${k - 15}`))).flat();
const WHOLE = INCREMENTS.filter((increment) => increment >= 1);
const dark = matchMedia("(prefers-color-scheme: dark)");

/** A chart in `place`, as wide as it. */
export class Chart {
  #place;
  #height;
  #plot = null;
  #scale = null;
  #shown = null;
  #width = 0;
  #resized = new ResizeObserver(() => this.#fit());
  #recoloured = () => this.#again();

  constructor(place, height = HEIGHT) {
    [this.#place, this.#height] = [place, height];
    this.#resized.observe(place);
    dark.addEventListener("change", this.#recoloured);
  }

  /**
   * Shows these columns, steps first; with a logarithmic axis if `log`. `lines` tells `{label, faint}` of each column;
   * without it they are the starts.
   */
  show(columns, log, lines = null) {
    const [steps, ...values] = columns;
    const same = this.#shown?.[0].length === columns.length && this.#scale?.log === log;
    this.#shown = [columns, log, lines];
    if (!same) this.#scale = new Scale(log);
    const data = [steps, ...this.#scale.heights(values)];
    if (same) this.#plot.setData(data);
    else {
      this.#plot?.destroy();
      this.#width = this.#place.clientWidth;
      const shown = options([this.#width, this.#height], lines ?? startLines(values.length), this.#scale);
      this.#plot = new window.uPlot(shown, data, this.#place);
    }
  }

  /** Takes the chart away. */
  remove() {
    this.#resized.disconnect();
    dark.removeEventListener("change", this.#recoloured);
    this.#plot?.destroy();
    this.#plot = this.#shown = null;
  }

  #fit() {
    const width = this.#place.clientWidth;
    if (this.#plot === null || width === this.#width || !width) return;
    this.#width = width;
    this.#plot.setSize({ width, height: this.#height });
  }

  #again() {
    const shown = this.#shown;
    this.#shown = null;
    if (shown) this.show(...shown);
  }
}

function startLines(starts) {
  const faint = starts > LEGEND_MOST;
  return Array.from({ length: starts }, (_, k) => ({ label: starts > 1 ? `Start ${k}` : "Value", faint }));
}

function options([width, height], lines, scale) {
  const value = (_, at) => (at === null || at === undefined ? "–" : brief(scale.value(at)));
  const series = lines.map(({ label, faint }, k) => ({
    label,
    stroke: COLOURS[k % COLOURS.length],
    width: faint ? 1 : 1.75,
    spanGaps: true,
    points: { show: (plot) => plot.data[0].length < 3 },
    value,
  }));
  return {
    width,
    height,
    scales: { x: { time: false }, y: { range: (_, low, high) => around(low, high) } },
    axes: axes(scale),
    series: [
      { label: "Step", value: (_, step) => (step === null || step === undefined ? "–" : String(step)) },
      ...series,
    ],
    legend: { show: lines.length <= LEGEND_MOST || !lines[0].faint },
    cursor: { drag: { x: false, y: false }, points: { size: 7 }, dataIdx: before },
  };
}

/** Where a series is read: at the cursor, or where it last had a value. */
function before(plot, series, at) {
  const values = plot.data[series];
  let place = at;
  while (place > 0 && (values[place] === null || values[place] === undefined)) place -= 1;
  return place;
}

function axes(scale) {
  const style = getComputedStyle(document.documentElement);
  const grid = { stroke: style.getPropertyValue("--line").trim(), width: 1 };
  const shared = {
    stroke: style.getPropertyValue("--quiet").trim(),
    grid,
    ticks: { ...grid, size: 4 },
    font: FONT,
    gap: 4,
  };
  const values = {
    ...shared,
    incrs: scale.log ? WHOLE : INCREMENTS,
    splits: (_, __, low, high, increment) => scale.lines(low, high, increment),
    values: (_, splits, __, ___, increment) => splits.map((split) => scale.text(split, increment)),
    size: (_, texts) => 14 + LETTER * Math.max(5, ...(texts ?? []).map((text) => text.length)),
  };
  return [{ ...shared, size: 28, incrs: WHOLE }, values];
}
