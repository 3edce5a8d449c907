/** The part of the page about models: one is defined, trained, and predicts. */

import { offerCommand } from "./command.js";
import { element, named, say } from "./element.js";
import { counted } from "./figures.js";
import { onSend } from "./forms.js";
import { modelParts } from "./modelparts.js";
import { Prediction } from "./predict.js";
import { showRefusal } from "./refusal.js";
import { askJson, Refused } from "./server.js";
import { definitionText, TEMPLATES } from "./templates.js";
import { TrainForm } from "./train.js";
import { ended } from "./watch.js";

/** `on.defined(model)` is called with every model that is sent, `on.posted(job)` with every training. */
export class Models {
  #model = null;
  #opening = "";
  #template = named("template");
  #definition = named("definition");
  #chosen = Object.keys(TEMPLATES)[0];
  #kept = new Map(Object.entries(TEMPLATES).map(([key, { definition }]) => [key, definitionText(definition)]));
  #tellCommand;
  #train;
  #prediction;

  constructor(on) {
    const form = named("define");
    this.#offerTemplates();
    this.#tellCommand = offerCommand(form, named("define-command"), "models", () => this.#definition.value);
    onSend(form, named("define-refusal"), async (signal) => {
      const model = await askJson("POST", "models", { body: this.#definition.value, signal });
      this.#show(model);
      on.defined(model);
    });
    this.#train = new TrainForm((job) => on.posted(job));
    this.#prediction = new Prediction(() => this.#train.examples());
  }

  /** Show the model with this id, in place of the one that is shown. */
  async open(id) {
    if (id === this.#model?.id || id === this.#opening) return;
    this.#opening = id;
    try {
      const model = await askJson("GET", `models/${id}`);
      if (this.#opening !== id) return;
      this.#choose("", definitionText({ ...model.definition, ...(model.name && { name: model.name }) }));
      this.#show(model);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      named("model").replaceChildren(element("p", { class: "empty" }, "Its layers appear here, with their shapes."));
      showRefusal(named("define-refusal"), error);
    } finally {
      if (this.#opening === id) this.#opening = "";
    }
  }

  /** A training is shown that is in this state: its model belongs to it, and what it has learned is seen. */
  async attend(job) {
    named("train-part").hidden = false;
    await this.open(job.objective.model);
    if (ended(job) && this.#model?.id === job.objective.model) this.#prediction.learned();
  }

  #show(model) {
    this.#opening = "";
    this.#model = model;
    for (const part of ["train-part", "predict-part"]) named(part).hidden = false;
    named("model").replaceChildren(...modelParts(model));
    const { layers, count } = model;
    say(named("define-told"), `${layers.length} layers, ${counted(count.trainable + count.fixed)} parameters.`);
    this.#train.of(model);
    this.#prediction.of(model);
  }

  /** Fills the list of templates. */
  #offerTemplates() {
    const template = this.#template;
    const stored = new Option("A stored model", "");
    stored.hidden = true;
    template.append(...Object.entries(TEMPLATES).map(([key, { name }]) => new Option(name, key)), stored);
    this.#definition.value = this.#kept.get(this.#chosen);
    template.addEventListener("change", () => {
      this.#choose(template.value, this.#kept.get(template.value));
      this.#train.suggest(TEMPLATES[template.value].training);
    });
  }

  /** Shows a definition; what was typed into the one before is kept. */
  #choose(key, text) {
    this.#kept.set(this.#chosen, this.#definition.value);
    this.#chosen = this.#template.value = key;
    this.#definition.value = text;
    this.#tellCommand();
  }
}
