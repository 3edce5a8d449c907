/** One job: how far it is, its curve, what it has found. */

import { Chart } from "./chart.js";
import { Curve } from "./curve.js";
import { element, named, say } from "./element.js";
import { brief, counted, digitsOf } from "./figures.js";
import { methodText, outcomeOf, partsOf } from "./jobparts.js";
import { showRefusal } from "./refusal.js";
import { askJson } from "./server.js";
import { ended, Watch } from "./watch.js";

const DRAW_MS = 100;

/** Shows one job in its place on the page; `changed()` is called when its state has changed. */
export class JobView {
  #place = named("job");
  #changed;
  #watch = null;
  #chart = null;
  #curve = null;
  #job = null;
  #parts = null;
  #log = null;
  #drawn = 0;
  #drawing = false;

  constructor(changed) {
    this.#changed = changed;
  }

  /** Follow this job instead of the one that is shown. */
  open(id) {
    this.close();
    [this.#job, this.#log, this.#curve] = [null, null, null];
    this.#parts = partsOf(id, { stop: () => this.#stop(), log: (on) => this.#setLog(on) });
    this.#place.replaceChildren(...this.#parts.all);
    this.#watch = new Watch(id, {
      job: (job, text) => this.#tellJob(job, text),
      rows: (columns) => this.#tellRows(columns),
      trouble: (error) => this.#tellTrouble(error),
    });
    this.#watch.begin();
  }

  /** Show no job. */
  empty() {
    this.close();
    this.#place.replaceChildren(element("p", { class: "empty" }, "A job and its curve appear here."));
  }

  /** Stop following. */
  close() {
    this.#watch?.close();
    this.#chart?.remove();
    this.#watch = this.#chart = null;
  }

  #tellJob(job, text) {
    const before = this.#job?.state;
    this.#job = job;
    this.#curve ??= new Curve(job.direction === "maximize" ? -1 : 1);
    const parts = this.#parts;
    parts.body.hidden = false;
    parts.state.className = `state ${job.state}`;
    say(parts.state, job.state);
    say(parts.objective, Object.values(job.objective)[0]);
    say(parts.method, methodText(job));
    say(parts.why, job.why ?? "");
    parts.stop.hidden = ended(job);
    parts.stop.disabled = job.cancelling;
    say(parts.stop, job.cancelling ? "Stopping…" : "Stop");
    parts.outcome.replaceChildren(...(ended(job) ? outcomeOf(job, digitsOf(text).result) : []));
    if (before !== job.state) this.#changed();
    this.#draw();
  }

  #tellRows(columns) {
    this.#curve.add(columns);
    this.#draw();
  }

  #tellTrouble(error) {
    if (error) showRefusal(this.#parts.trouble, error);
    else this.#parts.trouble.replaceChildren();
  }

  async #stop() {
    const [watch, parts] = [this.#watch, this.#parts];
    parts.stop.disabled = true;
    try {
      const job = await askJson("POST", this.#job.links.cancel);
      // The end itself is told by the watch, after all rows.
      if (watch === this.#watch && !ended(job)) this.#tellJob(job);
    } catch (error) {
      parts.stop.disabled = false;
      showRefusal(parts.trouble, error);
    }
  }

  #setLog(on) {
    this.#log = on;
    this.#draw();
  }

  /** Draws with the next frame, a few times a second at most: rows come much faster than can be seen. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    const paint = () => {
      this.#drawing = false;
      this.#drawn = performance.now();
      if (this.#watch !== null && this.#job !== null) this.#paint();
    };
    setTimeout(() => requestAnimationFrame(paint), Math.max(0, DRAW_MS - (performance.now() - this.#drawn)));
  }

  #paint() {
    const [curve, job, parts] = [this.#curve, this.#job, this.#parts];
    const { step, max_steps, value, best } = job.progress;
    let now = { step, value, best };
    // While it runs the rows are newer than what the job said of itself.
    if (!ended(job) && curve.rows) now = { step: Math.max(step, curve.step), value: curve.last, best: curve.best };
    parts.bar.max = Math.max(1, max_steps);
    parts.bar.value = job.state === "succeeded" && job.result.stop_reason !== "diverged" ? parts.bar.max : now.step;
    say(parts.step, `${counted(now.step)} / ${counted(max_steps)}`);
    say(parts.value, brief(now.value));
    say(parts.best, brief(now.best));
    parts.chartPart.hidden = curve.rows === 0;
    if (!curve.rows) return;
    const log = this.#log ?? curve.logarithmic;
    parts.log.checked = log;
    const left = log ? curve.zeros + curve.negatives : 0;
    say(parts.left, left ? `(values that are not positive are left out: ${counted(left)})` : "");
    parts.chart.dataset.rows = curve.rows;
    parts.chart.ariaLabel = `Value by step, ${counted(curve.rows)} points; the last is ${brief(curve.last)}`;
    this.#chart ??= new Chart(parts.chart);
    this.#chart.show(curve.drawn(log), log);
  }
}
