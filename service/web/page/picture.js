/** A picture of what a model of one or two inputs predicts, with its examples on it. */

import { counted } from "./figures.js";
import { askJson } from "./server.js";

const CELLS = 64;
const POINTS = 200;
const SIDE = 512;
const MOST_EXAMPLES = 1000;
const ROOM = 0.25;
/** The colours of the classes 0 and 1, as they are in the charts. */
const COLOURS = [
  [221, 122, 51],
  [63, 134, 214],
];
const dark = matchMedia("(prefers-color-scheme: dark)");

const single = ({ shape }) => shape.length === 0 || (shape.length === 1 && shape[0] === 1);

/** Whether there is a picture: probabilities of two classes over a plane, or one number over a line. */
export function picturable({ input, output, target, loss }) {
  if (input.dtype === "int64" || input.shape.length !== 1) return false;
  if (input.shape[0] === 1) return single(output) && target.dtype !== "int64" && loss.name !== "bce";
  const two = loss.name === "cross_entropy" && output.shape.length === 1 && output.shape[0] === 2;
  return input.shape[0] === 2 && ((loss.name === "bce" && single(output)) || (two && target.dtype === "int64"));
}

/** The picture on a canvas. */
export class Picture {
  #canvas;
  #asked = 0;
  #paint = null;

  constructor(canvas) {
    this.#canvas = canvas;
    dark.addEventListener("change", () => this.#paint?.());
  }

  /** Draws what a model predicts now; a sentence about it, null where a later call has taken its place. */
  async draw(model, examples) {
    const asked = ++this.#asked;
    const shown = examples ?? { x: [], y: [] };
    const [x, y] = [shown.x.slice(0, MOST_EXAMPLES), shown.y.slice(0, MOST_EXAMPLES)];
    const plane = model.input.shape[0] === 2;
    const ends = plane ? [endsOf(x, 0), endsOf(x, 1)] : [endsOf(x, 0)];
    const grid = plane ? planeGrid(ends) : places(ends[0], POINTS).map((at) => [at]);
    const body = JSON.stringify({ x: [...grid, ...x], ...(plane && { probabilities: true }) });
    const found = await askJson("POST", `models/${model.id}/predict`, { body });
    if (asked !== this.#asked) return null;
    const heights = (plane ? found.probabilities : found.prediction).map((value) => [value].flat().at(-1));
    const [over, own] = [heights.slice(0, grid.length), heights.slice(grid.length)];
    const drawn = { ends, grid, over, x, y: y.map((value) => [value].flat()[0]), own };
    this.#paint = () => (plane ? paintPlane : paintLine)(this.#canvas, drawn);
    this.#paint();
    const told = plane ? tellPlane(drawn, found.version) : tellLine(drawn, found.version);
    this.#canvas.ariaLabel = told;
    return told;
  }
}

/** The range of one coordinate with room around it. */
function endsOf(x, axis) {
  const values = x.map((each) => each[axis]);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [-2, 2];
  const room = ROOM * (high - low || 1);
  return [low - room, high + room];
}

const places = ([low, high], count) => Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

/** The places of a plane, row by row from above. */
function planeGrid([across, up]) {
  const columns = places(across, CELLS);
  return places(up, CELLS)
    .reverse()
    .flatMap((height) => columns.map((at) => [at, height]));
}

const part = (value, [low, high]) => (value - low) / (high - low);

function paintPlane(canvas, { ends, over, x, y }) {
  const [context, style] = begun(canvas, SIDE);
  const cells = new OffscreenCanvas(CELLS, CELLS);
  const image = new ImageData(CELLS, CELLS);
  const ground = dark.matches ? [27, 33, 40] : [255, 255, 255];
  over.forEach((probability, i) => {
    const colour = COLOURS[Number(probability > 0.5)];
    const strength = 0.8 * Math.abs(2 * probability - 1);
    colour.forEach((each, k) => (image.data[4 * i + k] = ground[k] + strength * (each - ground[k])));
    image.data[4 * i + 3] = 255;
  });
  cells.getContext("2d").putImageData(image, 0, 0);
  // The outermost cells are centred on the edges.
  const cell = SIDE / (CELLS - 1);
  context.imageSmoothingQuality = "high";
  context.drawImage(cells, -cell / 2, -cell / 2, SIDE + cell, SIDE + cell);
  context.lineWidth = 1.5;
  x.forEach((point, i) => {
    context.beginPath();
    context.arc(SIDE * part(point[0], ends[0]), SIDE * (1 - part(point[1], ends[1])), 4, 0, 2 * Math.PI);
    context.fillStyle = `rgb(${COLOURS[Number(y[i] > 0.5)].join(" ")})`;
    context.strokeStyle = style.getPropertyValue("--field");
    context.fill();
    context.stroke();
  });
}

function paintLine(canvas, { ends, grid, over, x, y }) {
  const height = SIDE / 2;
  const [context, style] = begun(canvas, height);
  const finite = [...over, ...y].filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const range = [low - 0.08 * (high - low || 1), high + 0.08 * (high - low || 1)];
  const at = (across, value) => [SIDE * part(across, ends[0]), height * (1 - part(value, range))];
  context.fillStyle = style.getPropertyValue("--edge");
  x.forEach((point, i) => {
    context.beginPath();
    context.arc(...at(point[0], y[i]), 3, 0, 2 * Math.PI);
    context.fill();
  });
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 3;
  context.beginPath();
  grid.forEach(([across], i) => Number.isFinite(over[i]) && context.lineTo(...at(across, over[i])));
  context.stroke();
}

function begun(canvas, height) {
  [canvas.width, canvas.height] = [SIDE, height];
  const style = getComputedStyle(document.documentElement);
  const context = canvas.getContext("2d");
  context.fillStyle = style.getPropertyValue("--field");
  context.fillRect(0, 0, SIDE, height);
  return [context, style];
}

const short = (value) => String(Number(value.toPrecision(3)));
const range = ([low, high]) => `${short(low)} to ${short(high)}`;

function tellPlane({ ends, own, y }, version) {
  const right = own.filter((probability, i) => probability > 0.5 === y[i] > 0.5).length;
  const hits = own.length ? ` ${counted(right)} of ${counted(own.length)} examples are on their side.` : "";
  const axes = `first input ${range(ends[0])}, second ${range(ends[1])}`;
  return `Probability of class 1: 0 is orange, 1 is blue; ${axes}. Version ${version}.${hits}`;
}

function tellLine({ ends, over, x }, version) {
  const dots = x.length ? `; the dots are ${counted(x.length)} examples` : "";
  const heights = `from ${short(over[0])} to ${short(over.at(-1))}`;
  return `Prediction ${heights} for inputs ${range(ends[0])}${dots}. Version ${version}.`;
}
