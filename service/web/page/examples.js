/** The examples that a model is trained on: made here, or a stored dataset. */

import { Mistyped } from "./assignments.js";
import { element, named, say } from "./element.js";
import { counted } from "./figures.js";
import { examplesOf, fitting, SAMPLES } from "./samples.js";
import { askJson, Refused } from "./server.js";
import { upload } from "./upload.js";

const MOST_MADE = 10_000;
const SHOWN = 100;
const ROWS = 1000;

/** The choice of examples in the form of the training. */
export class Examples {
  #model = null;
  #datasets = [];
  #columns = [];
  #choice = named("examples");
  #fields = Object.fromEntries(
    ["count", "draw", "x", "y"].map((name) => [name, named(`examples-${name}`)]),
  );

  constructor() {
    this.#choice.addEventListener("change", () => this.#chosen());
    named("examples-file").addEventListener("change", (event) => this.#upload(event.target));
  }

  /** Offer the examples that fit a model. */
  async of(model) {
    this.#model = model;
    this.#offer();
    await this.#ask();
  }

  /** The examples that are made here; null where they are a dataset's, or cannot be made. */
  made() {
    const sample = this.#sample;
    if (sample === null) return null;
    const [count, seed] = [this.#fields.count.value, this.#fields.draw.value].map(Number);
    if (!Number.isInteger(count) || count < 2 || count > MOST_MADE || !Number.isInteger(seed) || seed < 0) return null;
    return examplesOf(sample, this.#model, count, seed);
  }

  /** The examples as far as they are shown in a picture; null where there are none to show. */
  async shown() {
    const made = this.made();
    if (made !== null || this.#sample !== null || !this.#choice.value) return made;
    const y = this.#fields.y.value.trim() || "y";
    const others = this.#columns.filter(({ name, labels }) => !labels && name !== y).map(({ name }) => name);
    const typed = this.#namesOfX();
    const x = typed.length ? typed : others;
    const query = new URLSearchParams({ columns: [...x, y].join(","), limit: ROWS });
    try {
      const { columns } = await askJson("GET", `datasets/${this.#choice.value}/data?${query}`);
      const rows = columns[y].map((value, i) => [x.flatMap((name) => columns[name][i]), value]);
      const [size] = this.#model.input.shape;
      const sound = rows.filter(([each]) => each.length === size && each.every(Number.isFinite));
      return { x: sound.map(([each]) => each), y: sound.map(([, value]) => value) };
    } catch (error) {
      // A name that is no column is refused when the training is sent.
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  /** The JSON text of the examples in a request. */
  text() {
    if (!this.#choice.value) throw new Mistyped("There are no examples: upload a file.", "data");
    if (this.#sample !== null) {
      const made = this.made();
      if (made === null)
        throw new Mistyped(`The count is a whole number up to ${counted(MOST_MADE)}, and the seed another.`, "count");
      return JSON.stringify(made);
    }
    const x = this.#namesOfX();
    const y = this.#fields.y.value.trim();
    return JSON.stringify({
      dataset: this.#choice.value,
      ...(x.length && { x: x.length === 1 ? x[0] : x }),
      ...(y && { y }),
    });
  }

  get #sample() {
    return this.#choice.selectedOptions[0]?.dataset.sample ?? null;
  }

  #namesOfX() {
    return this.#fields.x.value
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
  }

  async #ask() {
    try {
      const page = await askJson("GET", `datasets?limit=${SHOWN}`);
      this.#datasets = page.datasets;
      this.#offer();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(named("examples-told"), error.problem.detail);
    }
  }

  /** Fills the list; what was chosen stays chosen where it is still offered. */
  #offer(wanted = this.#choice.value) {
    const made = fitting(this.#model).map((name) => {
      const option = new Option(SAMPLES[name].name, `made here: ${name}`);
      option.dataset.sample = name;
      return option;
    });
    const stored = this.#datasets.map(
      ({ id, name, rows }) => new Option(`${name ?? id}${rows === null ? "" : `, ${counted(rows)} rows`}`, id),
    );
    const groups = [
      ["Made here", made],
      ["Stored datasets", stored],
    ].filter(([, options]) => options.length);
    this.#choice.replaceChildren(
      ...groups.map(([label, options]) => element("optgroup", { label }, options)),
    );
    const before = this.#choice.dataset.before;
    if ([...made, ...stored].some((option) => option.value === wanted)) this.#choice.value = wanted;
    if (this.#choice.value !== before) this.#chosen();
  }

  /** What belongs to the choice is shown. */
  async #chosen() {
    const { value } = this.#choice;
    this.#choice.dataset.before = value;
    const sample = this.#sample;
    named("examples-made").hidden = sample === null;
    named("examples-columns").hidden = sample !== null || !value;
    say(named("examples-told"), value ? "" : "Nothing is made here that fits this model.");
    if (sample !== null) this.#fields.count.value = SAMPLES[sample].count;
    else if (value) await this.#tellColumns(value);
  }

  async #tellColumns(id) {
    try {
      const { columns } = await askJson("GET", `datasets/${id}`);
      if (this.#choice.value !== id) return;
      this.#columns = columns;
      const told = columns.map(({ name, dtype, shape, labels }) => {
        const type = labels ? `${labels.length} labels` : shape.length ? `${shape.join("×")} ${dtype}` : dtype;
        return [element("code", {}, name), ` ${type}`];
      });
      named("examples-told").replaceChildren(...told.flatMap((each, i) => [i ? ", " : "Columns: ", ...each]));
      this.#fields.x.value = columns.some(({ name }) => name === "x") ? "x" : "";
      this.#fields.y.value = (columns.find(({ name }) => name === "y") ?? columns.at(-1)).name;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(named("examples-told"), error.problem.detail);
    }
  }

  async #upload(field) {
    const [file] = field.files;
    if (!file) return;
    const told = named("examples-told");
    say(told, `Sending ${file.name} …`);
    try {
      const stored = await upload(file);
      await this.#ask();
      if (!this.#datasets.some(({ id }) => id === stored.id)) this.#datasets.push(stored);
      this.#offer(stored.id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(told, `${file.name} was refused: ${error.problem.detail}`);
    } finally {
      field.value = "";
    }
  }
}
