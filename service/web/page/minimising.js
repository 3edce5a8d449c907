/** How far the minimisation of an objective is: its numbers, and its values by step. */

import { Chart } from "./chart.js";
import { Curve } from "./curve.js";
import { element, say } from "./element.js";
import { facts } from "./facts.js";
import { brief, counted } from "./figures.js";
import { ended } from "./watch.js";

/** The figures of one job, in `element`; `changed()` is called when they are to be drawn again. */
export class MinimisingFigures {
  #curve;
  #chart = null;
  #chosen = null;
  #facts = facts(["Step", "Value", "Best"]);
  #bar = element("progress", { "aria-label": "Steps" });
  #log = element("input", { type: "checkbox" });
  #left = element("span");
  #place = element("div", { class: "chart", role: "group" });
  #part;

  constructor(job, changed) {
    this.#curve = new Curve(job.direction === "maximize" ? -1 : 1);
    this.#log.addEventListener("change", () => {
      this.#chosen = this.#log.checked;
      changed();
    });
    const logarithmic = element("label", { class: "check" }, this.#log, " Logarithmic ", this.#left);
    this.#part = element("div", { hidden: true }, this.#place, logarithmic);
    this.element = element("div", {}, this.#bar, this.#facts.list, this.#part);
  }

  /** Takes rows as columns. */
  add(columns) {
    this.#curve.add(columns);
  }

  /** Draws what is known. */
  paint(job) {
    const curve = this.#curve;
    const { step, max_steps, value, best } = job.progress;
    let now = { step, value, best };
    // While it runs the rows are newer than what the job said of itself.
    if (!ended(job) && curve.rows) now = { step: Math.max(step, curve.step), value: curve.last, best: curve.best };
    this.#bar.max = Math.max(1, max_steps);
    this.#bar.value =
      job.state === "succeeded" && job.result.stop_reason !== "diverged" ? this.#bar.max : now.step;
    this.#facts.tell("Step", `${counted(now.step)} / ${counted(max_steps)}`);
    this.#facts.tell("Value", brief(now.value));
    this.#facts.tell("Best", brief(now.best));
    this.#part.hidden = curve.rows === 0;
    if (!curve.rows) return;
    const log = this.#chosen ?? curve.logarithmic;
    this.#log.checked = log;
    const left = log ? curve.zeros + curve.negatives : 0;
    say(this.#left, left ? `(values that are not positive are left out: ${counted(left)})` : "");
    this.#place.dataset.rows = curve.rows;
    this.#place.ariaLabel = `Value by step, ${counted(curve.rows)} points; the last is ${brief(curve.last)}`;
    this.#chart ??= new Chart(this.#place);
    this.#chart.show(curve.drawn(log), log);
  }

  /** Takes the chart away. */
  remove() {
    this.#chart?.remove();
  }
}
