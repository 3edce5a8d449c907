/** How far the training of a model is: its numbers, and its curves by step. */

import { element } from "./element.js";
import { facts } from "./facts.js";
import { brief, counted } from "./figures.js";
import { Panel } from "./panel.js";
import { Series } from "./series.js";
import { healthRemarks } from "./health.js";
import { ended } from "./watch.js";

const LOSSES = { value: "Each step", epoch_value: "Each epoch", validation_value: "Validation" };
const GRADIENT = "grad_norm.";
const UPDATE = "update_ratio.";

/** The figures of one training, in `element`; `changed()` is called when they are to be drawn again. */
export class TrainingFigures {
  #series = new Series();
  #facts = facts(["Epoch", "Step", "Loss", "Best"]);
  #bar = element("progress", { "aria-label": "Epochs" });
  #remarks = element("div", { "aria-live": "polite" });
  #told = 0;
  #seed = element("select", {});
  #panels;

  constructor(job, changed) {
    const columns = job.record.columns.filter((name) => name !== "epoch");
    const layers = (prefix) =>
      Object.fromEntries(
        columns.filter((name) => name.startsWith(prefix)).map((name) => [name, name.slice(prefix.length)]),
      );
    const losses = Object.fromEntries(
      Object.entries(LOSSES).filter(([name]) => name === "value" || columns.includes(name)),
    );
    const ofLayers = (name) => name.startsWith(GRADIENT) || name.startsWith(UPDATE);
    const metrics = columns.filter((name) => !(name in LOSSES) && !ofLayers(name));
    this.#panels = [
      new Panel("Loss", losses, changed, {}),
      new Panel("Metrics", Object.fromEntries(metrics.map((name) => [name, titled(name)])), changed, { log: false }),
      new Panel("Gradient norm by layer", layers(GRADIENT), changed, { log: true }),
      new Panel("Update-to-weight ratio by layer", layers(UPDATE), changed, { log: true }),
    ];
    const { seeds } = job.training;
    this.#seed.append(...seeds.map((seed, start) => new Option(`${seed}`, `${start}`)));
    this.#seed.addEventListener("change", changed);
    const choice = element("label", { class: "check", hidden: seeds.length < 2 }, "Seed ", this.#seed);
    this.element = element(
      "div",
      {},
      this.#bar,
      this.#facts.list,
      this.#remarks,
      choice,
      this.#panels.map((panel) => panel.element),
    );
  }

  /** Takes rows as columns. */
  add(columns) {
    this.#series.add(columns);
  }

  /** Draws what is known. */
  paint(job) {
    const { step, max_steps, best, remarks } = job.progress;
    const { epochs, steps_per_epoch } = job.training;
    const start = Number(this.#seed.value);
    const now = ended(job) ? step : Math.max(step, this.#series.step);
    this.#bar.max = Math.max(1, max_steps);
    this.#bar.value = job.state === "succeeded" && job.result.stop_reason !== "diverged" ? this.#bar.max : now;
    this.#facts.tell("Epoch", `${counted(Math.floor(now / steps_per_epoch))} / ${counted(epochs)}`);
    this.#facts.tell("Step", `${counted(now)} / ${counted(max_steps)}`);
    this.#facts.tell("Loss", brief(this.#series.last("epoch_value", start) ?? this.#series.last("value", start)));
    this.#facts.tell("Best", brief(ended(job) ? best : (this.#series.least(job.training.monitor) ?? best)));
    if ((remarks ?? []).length > this.#told) {
      this.#told = remarks.length;
      this.#remarks.replaceChildren(healthRemarks(remarks, job.training.seeds));
    }
    for (const panel of this.#panels) panel.paint(this.#series, start);
  }

  /** Takes the charts away. */
  remove() {
    for (const panel of this.#panels) panel.remove();
  }
}

/** The name of a column as a title: `validation_top_5` as `Validation top 5`. */
function titled(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}
