/** What is seen of a job: its places on the page, and what it has found. */

import { element, prose } from "./element.js";
import { counted } from "./figures.js";
import { refusal } from "./refusal.js";
import { remarks } from "./remarks.js";
import { figure, figuresTable } from "./table.js";

/** The places of a job: all of them by name, and in `all` those that go on the page. */
export function partsOf(id, on) {
  const state = element("span", { class: "state", role: "status" });
  const stop = element("button", { type: "button", hidden: true, onclick: on.stop }, "Stop");
  const [objective, figures] = [element("div"), element("div")];
  const [method, why] = [element("p"), element("p", { class: "hint" })];
  const outcome = element("div", { class: "result", "aria-live": "polite" });
  const trouble = element("div", { role: "alert" });
  const json = element("a", { href: `jobs/${id}` }, "As JSON");
  const history = element("a", { href: `jobs/${id}/history` }, "History");
  const body = element(
    "div",
    { hidden: true },
    element("p", { class: "headline" }, state, element("a", { href: `#${id}`, class: "id" }, id), stop),
    objective,
    method,
    why,
    figures,
    outcome,
    element("p", { class: "hint" }, json, " · ", history),
  );
  return { all: [trouble, body], body, state, stop, objective, method, why, figures, outcome, trouble };
}

/** The method with its options in a line. */
export function methodText({ method, direction, starts, training }) {
  const { name, ...options } = method;
  const told = Object.entries(options).map(([option, value]) => `${option} ${value}`);
  const runs = training ? "seeds" : "starts";
  const more = [direction === "maximize" ? "maximize" : "", starts > 1 ? `${starts} ${runs}` : ""].filter(Boolean);
  return [name, ...told, ...more].join(" · ");
}

/** What a job is about: the text of its objective, or the model that it trains and its examples. */
export function objectiveOf(job) {
  if (!job.training) return element("pre", { class: "excerpt objective" }, Object.values(job.objective)[0]);
  const { model } = job.objective;
  return element(
    "p",
    { class: "trained" },
    "Training of ",
    element("a", { href: `#${model}`, class: "code" }, model),
    element("span", { class: "hint" }, trainingText(job.training)),
  );
}

/** The course of a training in a line. */
export function trainingText({ examples, validation_examples, epochs, batch_size }) {
  const validated = validation_examples ? ` and ${counted(validation_examples)} for validation` : "";
  const batches = `batches of ${counted(batch_size)}`;
  return `${counted(examples)} examples${validated} · ${counted(epochs)} epochs · ${batches}`;
}

/** What an ended job has found, or why it failed; `found` is its result with the digits of the server. */
export function outcomeOf(job, found) {
  const shown = [];
  if (job.error) shown.push(refusal(job.error));
  if (!found) return shown;
  if (!job.error) {
    const message = found.message ? [" – ", prose(found.message)] : null;
    shown.push(element("p", {}, element("strong", {}, found.stop_reason), message));
  }
  return [...shown, ...(job.training ? learned(job, found) : minimum(job, found))].filter(Boolean);
}

function minimum(job, found) {
  const label = element("span", { class: "label" }, "Best value");
  const where = found.start === undefined ? "Where" : `Where, from start ${found.start}`;
  return [
    element("p", { class: "value" }, label, " ", figure(found.value)),
    found.variables ? figuresTable(where, found.variables) : null,
    remarks(job.result.warnings, Object.values(job.objective)[0]),
  ];
}

function learned(job, found) {
  const { model, version, suggested_learning_rate: rate } = found;
  const address = `models/${model ?? job.objective.model}`;
  const files = { JSON: "json", NPZ: "npz", safetensors: "safetensors" };
  const addresses = Object.entries(files).map(([name, format]) => [name, `parameters?version=${version}&format=${format}`]);
  const from = job.training.seeds.length > 1 ? `, seed ${found.seed}` : "";
  return [
    rate === undefined ? null : figuresTable("Suggested", { learning_rate: rate }),
    Object.keys(found.scores).length ? figuresTable(`After epoch ${found.epoch}${from}`, found.scores) : null,
    version === null || version === undefined
      ? null
      : element(
          "p",
          {},
          `Its parameters are version ${version} of the model: `,
          [...addresses, ["ONNX", `onnx?version=${version}`]].flatMap(([name, part], i) => [
            i ? " · " : "",
            element("a", { href: `${address}/${part}` }, name),
          ]),
        ),
  ];
}
