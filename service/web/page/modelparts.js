/** What is seen of a stored model: its layers, what it costs, its program, its addresses. */

import { element } from "./element.js";
import { facts } from "./facts.js";
import { counted } from "./figures.js";
import { layersDrawing } from "./layers.js";
import { relative } from "./server.js";

/** All that is shown of a model. */
export function modelParts(model) {
  const { count, memory, cost } = model;
  const { list, tell } = facts(["Parameters", "Memory", "Gradient", "Prediction"]);
  tell("Parameters", counted(count.trainable) + (count.fixed ? ` + ${counted(count.fixed)} fixed` : ""));
  tell("Memory", bytesText(memory.gradient));
  tell("Gradient", secondsText(cost.gradient_seconds));
  tell("Prediction", secondsText(cost.prediction_seconds));
  return [
    element(
      "p",
      { class: "headline" },
      element("strong", {}, model.name ?? "Model"),
      element("a", { href: `#${model.id}`, class: "id" }, model.id),
    ),
    layersDrawing(model),
    list,
    element("p", { class: "hint" }, `Memory and times are estimates for a batch of ${cost.batch} examples.`),
    program("As a program: its loss", model.program),
    program("As a program: its prediction", model.predict),
    links(model.links),
  ];
}

const program = (title, text) =>
  element("details", { class: "command" }, element("summary", {}, title), element("pre", {}, text));

function links({ self, versions, parameters, onnx }) {
  const all = {
    "As JSON": self,
    Versions: versions,
    "Parameters as JSON": parameters,
    NPZ: `${parameters}?format=npz`,
    safetensors: `${parameters}?format=safetensors`,
    ONNX: onnx,
  };
  const shown = Object.entries(all).flatMap(([name, address], i) => [
    i ? " · " : "",
    element("a", { href: relative(address) }, name),
  ]);
  return element("p", { class: "hint" }, shown);
}

/** A number of bytes in three digits. */
export const bytesText = (bytes) => scaled(bytes, 1000, ["B", "kB", "MB", "GB"]);

/** A time in three digits. */
export const secondsText = (seconds) => scaled(seconds * 1e9, 1000, ["ns", "µs", "ms", "s"]);

function scaled(value, step, units) {
  const place = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(value || 1) / Math.log(step))));
  return `${Number((value / step ** place).toPrecision(3))} ${units[place]}`;
}
