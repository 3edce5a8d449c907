/** The layers of a model as they follow each other, and what flows past some of them. */

import { element } from "./element.js";
import { counted } from "./figures.js";

const SVG = "http://www.w3.org/2000/svg";
/** As in the style sheet: how far the boxes are apart, how high they are, and the room beside them; 16 are 1rem. */
const [PITCH, HIGH, WIDE] = [68, 56, 40];
const REM = 16;

/** A drawing of a model: a list of boxes, with arcs beside them where a layer takes more than the one before. */
export function layersDrawing(model) {
  const boxes = [
    { name: "x", type: "input", shape: model.input.shape, dtype: model.input.dtype, inputs: [], told: "" },
    ...model.layers.map((layer) => ({ ...layer, told: weightsText(model, layer) })),
    lossBox(model),
  ];
  const places = new Map(boxes.map(({ name }, place) => [name, place]));
  const edges = boxes.flatMap(({ inputs }, to) => inputs.map((name) => [places.get(name), to]));
  const arcs = edges.filter(([from, to]) => to - from > 1);
  const straight = new Set(edges.filter(([from, to]) => to - from === 1).map(([, to]) => to));
  const items = boxes.map((box, place) => boxItem(box, straight.has(place), arcs.length > 0));
  const list = element("ol", { class: "layers", "aria-label": "Layers" }, items);
  return arcs.length ? element("div", { class: "graph" }, arcsPicture(arcs, boxes.length), list) : list;
}

function lossBox({ loss, target, layers, definition }) {
  const { name, expr, ...options } = loss;
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  const told = Object.entries(options).map(([option, value]) => `${option} ${text(value)}`);
  const output = definition.output ?? layers.at(-1).name;
  return { name: name ?? expr, type: "loss", shape: [], inputs: [output], told: [`y ${shapeText(target)}`, ...told].join(" · ") };
}

function boxItem({ name, type, shape, dtype, inputs, parameters, told }, straight, named) {
  const from = named && inputs.length ? `from ${inputs.join(", ")}` : "";
  const text = [from, told].filter(Boolean).join(" · ");
  return element(
    "li",
    { class: straight ? "follows" : null },
    element(
      "div",
      {},
      element("span", {}, element("strong", { class: "code" }, name), ` ${type}`),
      element("span", { class: "shape code" }, shapeText({ shape, dtype })),
    ),
    element(
      "div",
      { class: "told" },
      element("span", { title: text }, text),
      parameters ? element("span", {}, counted(parameters), element("span", { class: "word" }, " parameters")) : null,
    ),
  );
}

/** The weights of a layer with their shapes. */
function weightsText(model, { name }) {
  return model.parameters
    .filter(({ layer }) => layer === name)
    .map((parameter) => `${parameter.name.slice(name.length + 1).replaceAll("_", " ")} ${shapeText(parameter)}`)
    .join(" · ");
}

/** A shape as definitions have it: `[8, 8, 1]`. */
export function shapeText({ shape, dtype }) {
  const text = shape.length ? `[${shape.join(", ")}]` : "one number";
  return dtype === "int64" ? `${text} int` : text;
}

function arcsPicture(arcs, count) {
  const height = count * PITCH - (PITCH - HIGH);
  const picture = drawn("svg", {
    viewBox: `0 0 ${WIDE} ${height}`,
    width: `${WIDE / REM}rem`,
    height: `${height / REM}rem`,
    "aria-hidden": "true",
  });
  for (const [from, to] of arcs) {
    const [begin, end] = [from * PITCH + HIGH / 2 + 8, to * PITCH + HIGH / 2 - 8];
    const out = WIDE - Math.min(WIDE + 8, 14 + 12 * (to - from));
    picture.append(
      drawn("path", { class: "arc", d: `M ${WIDE} ${begin} C ${out} ${begin} ${out} ${end} ${WIDE - 5} ${end}` }),
      drawn("path", { class: "head", d: `M ${WIDE} ${end} l -7 -4 v 8 z` }),
    );
  }
  return picture;
}

function drawn(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
