/** The second part of the page: the form that posts a job. */

import { named } from "./element.js";
import { entries, Mistyped, objectText, valueText } from "./assignments.js";
import { offerCommand } from "./command.js";
import { onSend } from "./forms.js";
import { askJson } from "./server.js";
import { kindOf, tellKind, trimmed } from "./source.js";

/** The methods whose steps follow one gradient each, which mini-batches can give. */
export const FIRST_ORDER =
  "sgd momentum nesterov adagrad rmsprop adadelta adam adamw nadam amsgrad lion".split(" ");
const METHODS = [
  ["First order", FIRST_ORDER],
  ["Second order", ["lbfgs", "newton-cg", "trust-region", "gauss-newton", "levenberg-marquardt"]],
];
const BEGIN = "adam";
const IDS = ["objective", "start", "data", "method", "options", "direction", "steps", "count", "low", "high", "more"];

/** Brings the form to life; calls `posted(job)` with every new job. */
export function optimising(posted) {
  const form = named("optimise");
  const fields = Object.fromEntries(IDS.map((id) => [id, named(id)]));
  const body = () => bodyOf(Object.fromEntries(IDS.map((id) => [id, fields[id].value])));
  offerMethods(fields.method, fields.options);
  tellKind(fields.objective, named("objective-kind"));
  offerCommand(form, named("optimise-command"), "jobs", body);
  onSend(form, named("optimise-refusal"), async (signal) =>
    posted(await askJson("POST", "jobs", { body: body(), signal })),
  );
}

/** The body of the request that the fields make. */
export function bodyOf(typed) {
  if (!typed.objective.trim()) throw new Mistyped("There is no objective.", "expr");
  const body = [
    [kindOf(typed.objective), JSON.stringify(trimmed(typed.objective))],
    ["start", objectText(entries(typed.start, "start"))],
  ];
  const data = entries(typed.data, "data");
  if (data.length) body.push(["data", objectText(data)]);
  if (typed.direction !== "minimize") body.push(["direction", JSON.stringify(typed.direction)]);
  const options = entries(typed.options, "method");
  if (options.length) body.push(["method", objectText([["name", JSON.stringify(typed.method)], ...options])]);
  else if (typed.method !== "auto") body.push(["method", JSON.stringify(typed.method)]);
  if (typed.steps.trim())
    body.push(["stop", objectText([["max_steps", valueText("max_steps", typed.steps, "stop")]])]);
  if (typed.count.trim()) {
    const drawn = ["count", "low", "high"].map((name) => [name, valueText(name, typed[name], "starts")]);
    body.push(["starts", objectText(drawn)]);
  }
  for (const [name, value] of entries(typed.more, "more")) {
    if (body.some(([given]) => given === name))
      throw new Mistyped(`${name} is already given by a field of its own.`, name);
    body.push([name, value]);
  }
  return objectText(body);
}

/** Fills the list of methods; each keeps the options that were typed for it. */
function offerMethods(method, options) {
  method.append(new Option("auto"));
  for (const [label, names] of METHODS) {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...names.map((name) => new Option(name, name, name === BEGIN, name === BEGIN)));
    method.append(group);
  }
  const kept = new Map();
  let before = method.value;
  method.addEventListener("change", () => {
    kept.set(before, options.value);
    before = method.value;
    options.value = kept.get(before) ?? "";
  });
}
