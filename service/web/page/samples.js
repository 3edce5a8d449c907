/** Examples to train on that are made here, a function of a seed. */

import { GLYPHS, SIDE } from "./glyphs.js";
import { drawing } from "./random.js";

/** What the letters of `LETTERS` stand for is their place in it. */
export const LETTERS = " abcdefghijklmnopqrstuvwxyz.";
const TEXT =
  "the chain rule says how small changes travel. a small change of the input moves the first layer, the first layer " +
  "moves the second, and so on until the loss. going back the same way from the loss to the input, every layer asks " +
  "what a small change of its own would have done. the answer is the gradient, and a step against the gradient makes " +
  "the loss smaller. after many small steps the layers have learned what the examples have to teach. ";

const rounded = (value) => Number(value.toFixed(4));
const same = (a, b) => a.length === b.length && a.every((length, i) => length === b[i]);
const pixels = ({ shape, dtype }) => dtype !== "int64" && shape.reduce((a, b) => a * b, 1) === SIDE * SIDE;

/** Whether a model tells so many classes apart, by numbers of classes or, for two, by one number. */
function classifies({ target, output }, classes) {
  if (target.dtype === "int64") return same(target.shape, []) && output.shape.at(-1) >= classes;
  return classes === 2 && same(target.shape, [1]);
}

const label = ({ target }, k) => (target.dtype === "int64" ? k : [k]);

/** Each has a name, tells which models it fits, and makes one example `[x, y]`. */
export const SAMPLES = {
  moons: {
    name: "Two moons",
    count: 400,
    fits: (model) => same(model.input.shape, [2]) && model.input.dtype !== "int64" && classifies(model, 2),
    make(model, { uniform, normal, whole }) {
      const [k, angle] = [whole(2), Math.PI * uniform()];
      const [x, y] = k ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
      return [[rounded(x + 0.12 * normal()), rounded(y + 0.12 * normal())], label(model, k)];
    },
  },
  wave: {
    name: "Noisy sine",
    count: 300,
    fits: ({ input, target, loss }) =>
      same(input.shape, [1]) &&
      same(target.shape, [1]) &&
      input.dtype !== "int64" &&
      target.dtype !== "int64" &&
      !["bce", "hinge", "kl", "poisson_nll"].includes(loss.name),
    make(_, { uniform, normal }) {
      const x = 6 * uniform() - 3;
      return [[rounded(x)], [rounded(Math.sin(2 * x) + 0.3 * x + 0.1 * normal())]];
    },
  },
  digits: {
    name: "Digits, 8×8",
    count: 600,
    fits: (model) => pixels(model.input) && (classifies(model, 10) || same(model.target.shape, model.input.shape)),
    make(model, random) {
      const k = random.whole(10);
      const flat = digit(k, random);
      const image = shaped(flat, model.input.shape);
      return [image, model.target.dtype === "int64" ? k : image];
    },
  },
  letters: {
    name: "Letters of a text",
    count: 400,
    fits: ({ input, target, output }) =>
      input.dtype === "int64" &&
      input.shape.length === 1 &&
      input.shape[0] < TEXT.length &&
      target.dtype === "int64" &&
      same(target.shape, input.shape) &&
      output.shape.at(-1) >= LETTERS.length,
    make({ input }, { whole }) {
      const begin = whole(TEXT.length - input.shape[0]);
      const places = [...TEXT.slice(begin, begin + input.shape[0] + 1)].map((letter) =>
        Math.max(0, LETTERS.indexOf(letter)),
      );
      return [places.slice(0, -1), places.slice(1)];
    },
  },
};

/** The names of those that fit a model. */
export const fitting = (model) => Object.keys(SAMPLES).filter((name) => SAMPLES[name].fits(model));

/** So many examples, as `{x, y}`. */
export function examplesOf(name, model, count, seed) {
  const random = drawing(seed);
  const made = Array.from({ length: count }, () => SAMPLES[name].make(model, random));
  return { x: made.map(([x]) => x), y: made.map(([, y]) => y) };
}

/** A digit with its place and its ink varied, from 0 to 1, row by row. */
function digit(k, { uniform, normal, whole }) {
  const [down, right, ink] = [whole(2), whole(4), 0.75 + 0.25 * uniform()];
  return Array.from({ length: SIDE * SIDE }, (_, place) => {
    const row = Math.floor(place / SIDE) - down;
    const on = GLYPHS[k][row]?.[(place % SIDE) - right] === "#";
    return Number(Math.min(1, Math.max(0, (on ? ink : 0) + 0.12 * normal())).toFixed(2));
  });
}

/** A flat list in a shape. */
export function shaped(flat, shape) {
  if (shape.length < 2) return shape.length ? flat : flat[0];
  const size = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => shaped(flat.slice(i * size, (i + 1) * size), shape.slice(1)));
}
