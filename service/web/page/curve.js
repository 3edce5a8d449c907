/** The curve of a job as it grows, and the points of it that are drawn. */

const POINTS = 2000;

/** The values of each start by step. */
export class Curve {
  /** One `{steps, values}` for each start; values that are not finite are NaN. */
  traces = [];
  rows = 0;
  step = 0;
  last = null;
  best = null;
  zeros = 0;
  negatives = 0;

  constructor(sign = 1) {
    this.sign = sign;
  }

  /** Takes rows as columns: `start` (absent if there is one), `step`, `value`. */
  add({ start, step, value }) {
    for (let i = 0; i < step.length; i++) {
      const trace = (this.traces[start?.[i] ?? 0] ??= { steps: [], values: [] });
      const number = typeof value[i] === "number" ? value[i] : NaN;
      trace.steps.push(step[i]);
      trace.values.push(number);
      this.zeros += Number(number === 0);
      this.negatives += Number(number < 0);
      if (!Number.isNaN(number) && (this.best === null || this.sign * number < this.sign * this.best))
        this.best = number;
      this.step = Math.max(this.step, step[i]);
      this.last = value[i];
    }
    this.rows += step.length;
  }

  /** Whether a logarithmic axis suits: nothing is negative, and no more than half is 0, as where a minimum is met. */
  get logarithmic() {
    return this.negatives === 0 && 2 * this.zeros <= this.rows;
  }

  /** All steps that are drawn and the values of each start at them; null where there is none, or none to show. */
  drawn(log) {
    return aligned(
      [...this.traces].map((trace) => trace ?? { steps: [], values: [] }),
      log,
    );
  }
}

/** All steps that are drawn of traces and the values of each at them; null where there is none, or none to show. */
export function aligned(traces, log) {
  const kept = traces.map((trace) => chosen(trace.values, Math.max(100, POINTS / traces.length)));
  const steps = [...new Set(traces.flatMap((trace, k) => kept[k].map((i) => trace.steps[i])))].sort((a, b) => a - b);
  const places = new Map(steps.map((step, i) => [step, i]));
  const columns = traces.map((trace, k) => {
    const column = new Array(steps.length).fill(undefined);
    for (const i of kept[k]) {
      const value = trace.values[i];
      column[places.get(trace.steps[i])] = Number.isNaN(value) || (log && value <= 0) ? null : value;
    }
    return column;
  });
  return [steps, ...columns];
}

/** The indices of at most about `most` values that look the same when drawn: smallest and largest of each stretch. */
export function chosen(values, most) {
  if (values.length <= most) return values.map((_, i) => i);
  const kept = [0];
  const length = values.length / Math.floor(most / 2);
  for (let begin = 0; begin < values.length; begin += length) {
    let [low, high] = [-1, -1];
    for (let i = Math.floor(begin); i < Math.min(values.length, Math.floor(begin + length)); i++) {
      if (low < 0 || values[i] < values[low]) low = i;
      if (high < 0 || values[i] > values[high]) high = i;
    }
    for (const i of low < high ? [low, high] : [high, low]) if (i > kept[kept.length - 1]) kept.push(i);
  }
  if (kept[kept.length - 1] !== values.length - 1) kept.push(values.length - 1);
  return kept;
}
