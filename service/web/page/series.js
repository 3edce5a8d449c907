/** The columns of a training's history as they grow. */

import { aligned } from "./curve.js";

/** The values of each column and run by step; those that are not finite are NaN. */
export class Series {
  rows = 0;
  step = 0;
  #runs = [];

  /** Takes rows as columns: `start` (absent if there is one run), `step`, and any others, null where there is none. */
  add({ index, start, step, ...columns }) {
    for (const [name, values] of Object.entries(columns)) {
      if (!Array.isArray(values)) continue;
      for (let i = 0; i < step.length; i++) {
        if (values[i] === null || typeof values[i] === "object") continue;
        const trace = ((this.#runs[start?.[i] ?? 0] ??= {})[name] ??= { steps: [], values: [], hidden: 0 });
        const number = typeof values[i] === "number" ? values[i] : NaN;
        trace.steps.push(step[i]);
        trace.values.push(number);
        trace.hidden += Number(number <= 0);
      }
    }
    for (const each of step) this.step = Math.max(this.step, each);
    this.rows += step.length;
  }

  /** Whether a column has any value. */
  has(name, start) {
    return this.#trace(name, start) !== undefined;
  }

  /** The last value of a column; undefined if there is none. */
  last(name, start) {
    return this.#trace(name, start)?.values.at(-1);
  }

  /** The smallest value of a column in all runs; undefined if there is none. */
  least(name) {
    let least;
    for (const run of this.#runs)
      for (const value of run?.[name]?.values ?? []) if (!(value >= least) && !Number.isNaN(value)) least = value;
    return least;
  }

  /** How many values of these columns a logarithmic axis does not show. */
  unshown(names, start) {
    return names.reduce((sum, name) => sum + this.#trace(name, start).hidden, 0);
  }

  /** Whether all values of these columns are positive. */
  positive(names, start) {
    return this.unshown(names, start) === 0;
  }

  /** All steps that are drawn, and the values of each column at them. */
  drawn(names, start, log) {
    return aligned(
      names.map((name) => this.#trace(name, start)),
      log,
    );
  }

  #trace(name, start) {
    return this.#runs[start]?.[name];
  }
}
