/** What a model predicts: for examples that are typed, and as a picture where it has one or two inputs. */

import { Mistyped, valueText } from "./assignments.js";
import { offerCommand } from "./command.js";
import { element, named, say } from "./element.js";
import { digitsOf } from "./figures.js";
import { onSend } from "./forms.js";
import { Picture, picturable } from "./picture.js";
import { remarks } from "./remarks.js";
import { ask, Refused } from "./server.js";
import { examplesOf, fitting, shaped } from "./samples.js";
import { spaced } from "./templates.js";
import { figuresTable } from "./table.js";

const CLASSES = ["bce", "cross_entropy"];
const SMALL = 4;

/** The form and the picture; `examples()` tells those that the model is trained on, or null. */
export class Prediction {
  #model = null;
  #examples;
  #picture = new Picture(named("picture"));
  #tellCommand;
  #place = named("picture-part");

  constructor(examples) {
    this.#examples = examples;
    const form = named("predict");
    const body = () => this.#body();
    this.#tellCommand = offerCommand(form, named("predict-command"), () => `models/${this.#model?.id}/predict`, body);
    onSend(form, named("predict-refusal"), async (signal) => {
      const answered = await ask("POST", `models/${this.#model.id}/predict`, { body: body(), signal });
      named("prediction").replaceChildren(...shown(answered.text));
    });
  }

  /** Predict with this model. */
  of(model) {
    this.#model = model;
    named("predict-x").value = beginning(model);
    named("prediction").replaceChildren(element("p", { class: "empty" }, "What it predicts appears here."));
    named("predict-refusal").replaceChildren();
    this.#tellCommand();
    this.#draw();
  }

  /** The model has new parameters. */
  learned() {
    this.#draw();
  }

  async #draw() {
    const model = this.#model;
    this.#place.hidden = !picturable(model);
    if (this.#place.hidden) return;
    try {
      const examples = await this.#examples();
      if (model !== this.#model) return;
      const told = await this.#picture.draw(model, examples);
      if (told !== null) say(named("picture-told"), told);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(named("picture-told"), error.problem.detail);
    }
  }

  #body() {
    const typed = named("predict-x").value;
    if (this.#model === null) throw new Mistyped("There is no model to ask.", "x");
    if (!typed.trim()) throw new Mistyped("There is nothing to predict.", "x");
    const classes = CLASSES.includes(this.#model.loss.name) ? ',"probabilities":true' : "";
    return `{"x":${valueText("x", typed, "x")}${classes}}`;
  }
}

function shown(text) {
  const found = digitsOf(text);
  const named = { Prediction: found.prediction, Probability: found.probabilities, Class: found.class };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  const version = found.version === "0" ? "version 0: the model is not trained yet" : `version ${found.version}`;
  return [
    figuresTable(`With the parameters of ${version}`, given),
    remarks(JSON.parse(text).warnings),
  ].filter(Boolean);
}

/** Examples to begin with: some that were made here, else zeros. */
function beginning(model) {
  const [sample] = fitting(model);
  const size = model.input.shape.reduce((product, length) => product * length, 1);
  if (sample) return spaced(examplesOf(sample, model, size > SMALL ? 1 : 3, 7).x);
  return spaced([shaped(new Array(size).fill(0), model.input.shape)]);
}
