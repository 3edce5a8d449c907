/** The form that posts the training of a model. */

import { entries, Mistyped, objectText, valueText } from "./assignments.js";
import { named } from "./element.js";
import { Examples } from "./examples.js";
import { onSend } from "./forms.js";
import { FIRST_ORDER } from "./optimise.js";
import { askJson } from "./server.js";

/** The fields that are a number each: their ids without `train-`, and what they are called in a request. */
const NUMBERS = {
  epochs: "epochs",
  batch: "batch_size",
  validation: "validation",
  patience: "early_stopping",
  seed: "seed",
};

/** The form; `posted(job)` is called with every new job. */
export class TrainForm {
  #model = null;
  #examples = new Examples();

  constructor(posted) {
    named("train-method").append(
      ...FIRST_ORDER.map((name) => new Option(name, name, name === "adam", name === "adam")),
    );
    onSend(named("train"), named("train-refusal"), async (signal) =>
      posted(await askJson("POST", "jobs", { body: this.body(), signal })),
    );
  }

  /** Train this model. */
  of(model) {
    this.#model = model;
    this.#examples.of(model);
  }

  /** What suits a template. */
  suggest({ lr, epochs, batch }) {
    named("train-lr").value = lr;
    named("train-epochs").value = epochs;
    named("train-batch").value = batch;
  }

  /** The examples as far as they are shown in a picture; null where there are none to show. */
  examples() {
    return this.#examples.shown();
  }

  /** The body of the request that the fields make. */
  body() {
    if (this.#model === null) throw new Mistyped("There is no model to train.", "model");
    const typed = (name) => named(`train-${name}`).value.trim();
    const method = [["name", JSON.stringify(typed("method"))]];
    if (typed("lr")) method.push(["lr", valueText("lr", typed("lr"), "method")]);
    const body = [
      ["model", JSON.stringify(this.#model.id)],
      ["data", this.#examples.text()],
      ["method", objectText(method)],
    ];
    for (const [field, name] of Object.entries(NUMBERS))
      if (typed(field)) body.push([name, typed(field) === "all" ? '"all"' : valueText(name, typed(field), name)]);
    for (const [name, value] of entries(typed("more"), "more")) {
      if (body.some(([given]) => given === name))
        throw new Mistyped(`${name} is already given by a field of its own.`, name);
      body.push([name, value]);
    }
    return objectText(body);
  }
}
