/** One chart of a training: some columns of its history by step. */

import { Chart } from "./chart.js";
import { element, say } from "./element.js";
import { brief, counted } from "./figures.js";

/** A chart with a title.  `names` are the titles of its columns; `log` is its axis, left to the numbers if absent. */
export class Panel {
  #title;
  #names;
  #chosen;
  #chart = null;
  #place;
  #log = element("input", { type: "checkbox" });
  #left = element("p", { class: "hint" });

  constructor(title, names, changed, { log }) {
    [this.#title, this.#names, this.#chosen] = [title, names, log ?? null];
    this.#log.addEventListener("change", () => {
      this.#chosen = this.#log.checked;
      changed();
    });
    this.#place = element("div", { class: "chart low", role: "group" });
    const logarithmic = element("label", { class: "check" }, this.#log, " Logarithmic");
    const heading = element("div", { class: "heading" }, element("h4", {}, title), logarithmic);
    this.element = element("div", { class: "panel", hidden: true }, heading, this.#place, this.#left);
  }

  /** Draws the columns of one run. */
  paint(series, start) {
    const names = Object.keys(this.#names).filter((name) => series.has(name, start));
    this.element.hidden = names.length === 0;
    if (!names.length) return;
    const log = this.#chosen ?? series.positive(names, start);
    this.#log.checked = log;
    const left = log ? series.unshown(names, start) : 0;
    say(this.#left, left ? `Values that are not positive are left out: ${counted(left)}.` : "");
    const told = names.map((name) => `${this.#names[name]} ${brief(series.last(name, start))}`);
    this.#place.dataset.rows = series.rows;
    this.#place.ariaLabel = `${this.#title}; the last: ${told.join(", ")}`;
    this.#chart ??= new Chart(this.#place, 190);
    // What every step gives is noise around what every epoch gives.
    const lines = names.map((name) => ({ label: this.#names[name], faint: name === "value" && names.length > 1 }));
    this.#chart.show(series.drawn(names, start, log), log, lines);
  }

  /** Takes the chart away. */
  remove() {
    this.#chart?.remove();
  }
}
