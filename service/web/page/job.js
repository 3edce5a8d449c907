/** One job: how far it is, its curves, what it has found. */

import { element, named, say } from "./element.js";
import { digitsOf } from "./figures.js";
import { methodText, objectiveOf, outcomeOf, partsOf } from "./jobparts.js";
import { MinimisingFigures } from "./minimising.js";
import { showRefusal } from "./refusal.js";
import { askJson } from "./server.js";
import { TrainingFigures } from "./training.js";
import { ended, Watch } from "./watch.js";

const DRAW_MS = 100;
const LOOK_MS = 2000;
const EMPTY = { job: "A job and its curve appear here.", training: "A training and its curves appear here." };

/** Shows one job in its place on the page, trainings beside their model. */
export class JobView {
  #on;
  #place = named("job");
  #watch = null;
  #figures = null;
  #job = null;
  #parts = null;
  #seek = false;
  #drawn = 0;
  #drawing = false;
  #timer = 0;

  /** `on.changed()` is called when a state has changed, and `on.training(job)` where it is that of a training. */
  constructor(on) {
    this.#on = on;
  }

  /** Follow this job instead of the one that is shown; `seek` brings it into view. */
  open(id, seek = false) {
    this.close();
    [this.#job, this.#seek] = [null, seek];
    this.#parts = partsOf(id, { stop: () => this.#stop() });
    this.#put(this.#place.id);
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
    this.#parts = null;
    this.#put("job");
  }

  /** Stop following. */
  close() {
    clearInterval(this.#timer);
    this.#watch?.close();
    this.#figures?.remove();
    this.#watch = this.#figures = null;
  }

  #put(id) {
    this.#place = named(id);
    for (const [name, text] of Object.entries(EMPTY)) {
      const shown = name === id && this.#parts ? this.#parts.all : [element("p", { class: "empty" }, text)];
      named(name).replaceChildren(...shown);
    }
  }

  #tellJob(job, text) {
    const before = this.#job?.state;
    this.#job = job;
    const parts = this.#parts;
    if (!this.#figures) this.#begin(job);
    parts.body.hidden = false;
    parts.state.className = `state ${job.state}`;
    say(parts.state, job.state);
    say(parts.method, methodText(job));
    say(parts.why, job.why ?? "");
    parts.stop.hidden = ended(job);
    parts.stop.disabled = job.cancelling;
    say(parts.stop, job.cancelling ? "Stopping…" : "Stop");
    parts.outcome.replaceChildren(...(ended(job) ? outcomeOf(job, digitsOf(text).result) : []));
    if (ended(job)) clearInterval(this.#timer);
    if (before !== job.state) {
      this.#on.changed();
      if (job.training) this.#on.training(job);
    }
    if (this.#seek) this.#place.scrollIntoView({ block: "nearest" });
    this.#seek = false;
    this.#draw();
  }

  /** What kind of job it is decides where it is shown, and as what. */
  #begin(job) {
    const [place, Figures] = job.training ? ["training", TrainingFigures] : ["job", MinimisingFigures];
    this.#figures = new Figures(job, () => this.#draw());
    this.#parts.objective.replaceChildren(objectiveOf(job));
    this.#parts.figures.replaceChildren(this.#figures.element);
    if (this.#place.id !== place) this.#put(place);
    if (job.training && !ended(job)) {
      const watch = this.#watch;
      this.#timer = setInterval(() => document.visibilityState === "visible" && watch.look(), LOOK_MS);
    }
  }

  #tellRows(columns) {
    this.#figures.add(columns);
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

  /** Draws with the next frame, a few times a second at most: rows come much faster than can be seen. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    const paint = () => {
      this.#drawing = false;
      this.#drawn = performance.now();
      if (this.#watch !== null && this.#job !== null) this.#figures.paint(this.#job);
    };
    setTimeout(() => requestAnimationFrame(paint), Math.max(0, DRAW_MS - (performance.now() - this.#drawn)));
  }
}
