/** One job: how far it is, its curve, what it has found. */

import { element, named, prose, say } from "./element.js";
import { Chart } from "./chart.js";
import { Curve } from "./curve.js";
import { brief, counted, digitsOf } from "./figures.js";
import { refusal, showRefusal } from "./refusal.js";
import { remarks } from "./remarks.js";
import { askJson, relative } from "./server.js";
import { figure, figuresTable } from "./table.js";
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
    this.#parts = parts(id, { stop: () => this.#stop(), log: (on) => this.#setLog(on) });
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
    parts.outcome.replaceChildren(...(ended(job) ? outcome(job, digitsOf(text).result) : []));
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
    try {
      this.#parts.stop.disabled = true;
      const job = await askJson("POST", this.#job.links.cancel);
      if (!ended(job)) this.#tellJob(job);
    } catch (error) {
      this.#parts.stop.disabled = false;
      this.#tellTrouble(error);
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
    const watch = this.#watch;
    setTimeout(() => requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawn = performance.now();
      if (watch === this.#watch && watch !== null) this.#paint();
      else if (this.#watch !== null) this.#draw();
    }), Math.max(0, DRAW_MS - (performance.now() - this.#drawn)));
  }

  #paint() {
    const [curve, job, parts] = [this.#curve, this.#job, this.#parts];
    const { step, max_steps, value, best } = job.progress;
    const live = !ended(job) && curve.rows > 0;
    const now = live ? { step: Math.max(step, curve.step), value: curve.last, best: curve.best } : { step, value, best };
    parts.bar.max = Math.max(1, max_steps);
    parts.bar.value = job.state === "succeeded" && job.result.stop_reason !== "diverged" ? parts.bar.max : now.step;
    say(parts.step, `${counted(now.step)} / ${counted(max_steps)}`);
    say(parts.value, brief(now.value));
    say(parts.best, brief(now.best));
    parts.chartPart.hidden = curve.rows === 0;
    if (!curve.rows) return;
    const log = this.#log ?? curve.positive;
    parts.log.checked = log;
    parts.chart.dataset.rows = curve.rows;
    parts.chart.setAttribute("aria-label", `Value by step, ${counted(curve.rows)} points; the last is ${brief(curve.last)}`);
    this.#chart ??= new Chart(parts.chart);
    this.#chart.show(curve.drawn(log), log);
  }
}

function parts(id, on) {
  const state = element("span", { class: "state", role: "status" });
  const stop = element("button", { type: "button", hidden: true, onclick: on.stop }, "Stop");
  const bar = element("progress", { "aria-label": "Steps" });
  const [step, value, best] = [element("dd"), element("dd"), element("dd")];
  const log = element("input", { type: "checkbox", onchange: () => on.log(log.checked) });
  const chart = element("div", { class: "chart", role: "group" });
  const chartPart = element("div", { hidden: true }, chart, element("label", { class: "check" }, log, " Logarithmic"));
  const [objective, method, why] = [element("pre", { class: "excerpt objective" }), element("p"), element("p", { class: "hint" })];
  const outcome = element("div", { class: "result", "aria-live": "polite" });
  const trouble = element("div", { role: "alert" });
  const facts = [["Step", step], ["Value", value], ["Best", best]].map(([name, shown]) => element("div", {}, element("dt", {}, name), shown));
  const body = element("div", { hidden: true },
    element("p", { class: "headline" }, state, element("a", { href: `#${id}`, class: "id" }, id), stop),
    objective, method, why, bar, element("dl", { class: "facts" }, facts), chartPart, outcome,
    element("p", { class: "hint" }, element("a", { href: `jobs/${id}` }, "As JSON"), " · ", element("a", { href: `jobs/${id}/history` }, "History")));
  return { all: [trouble, body], body, state, stop, bar, step, value, best, log, chart, chartPart, objective, method, why, outcome, trouble };
}

/** The method with its options in a line. */
export function methodText({ method, direction, starts }) {
  const { name, ...options } = method;
  const told = Object.entries(options).map(([option, value]) => `${option} ${value}`);
  const more = [direction === "maximize" ? "maximize" : "", starts > 1 ? `${starts} starts` : ""].filter(Boolean);
  return [name, ...told, ...more].join(" · ");
}

/** What an ended job has found, or why it failed; `found` is its result with the digits of the server. */
function outcome(job, found) {
  const shown = [];
  if (job.error) shown.push(refusal(job.error));
  if (!found) return shown;
  if (!job.error) shown.push(element("p", {}, found.stop_reason ? element("strong", {}, found.stop_reason) : null, found.message ? [" – ", prose(found.message)] : null));
  shown.push(element("p", { class: "value" }, element("span", { class: "label" }, "Best value"), " ", figure(found.value)));
  if (found.variables) shown.push(figuresTable(found.start === undefined ? "Where" : `Where, from start ${found.start}`, found.variables));
  shown.push(remarks(job.result.warnings, Object.values(job.objective)[0]));
  return shown.filter(Boolean);
}
