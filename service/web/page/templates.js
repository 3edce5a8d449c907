/** Definitions of models to begin with, and how they are trained well. */

const dense = (units, activation) => ({ type: "dense", units, ...(activation && { activation }) });

/** By key: the name, the definition, and what the fields of the training begin with. */
export const TEMPLATES = {
  moons: {
    name: "Two moons, two classes",
    definition: { input: { shape: [2] }, layers: [dense(16, "tanh"), dense(16, "tanh"), dense(1)], loss: "bce" },
    training: { lr: "0.02", epochs: "60", batch: "32" },
  },
  wave: {
    name: "Regression of a curve",
    definition: {
      input: { shape: [1] },
      layers: [{ type: "standardise" }, dense(32, "tanh"), dense(32, "tanh"), dense(1)],
      loss: "mse",
    },
    training: { lr: "0.02", epochs: "150", batch: "32" },
  },
  digits: {
    name: "Digits, fully connected",
    definition: {
      input: { shape: [64] },
      layers: [dense(32, "relu"), { type: "dropout", rate: 0.1 }, dense(10)],
      loss: "cross_entropy",
    },
    training: { lr: "0.005", epochs: "20", batch: "32" },
  },
  convolution: {
    name: "Digits, by convolution",
    definition: {
      input: { shape: [8, 8, 1] },
      layers: [
        { type: "conv2d", filters: 8, size: 3, padding: "same", activation: "relu" },
        { type: "max_pool2d", size: 2 },
        { type: "conv2d", filters: 16, size: 3, activation: "relu" },
        { type: "flatten" },
        dense(10),
      ],
      loss: "cross_entropy",
    },
    training: { lr: "0.005", epochs: "15", batch: "32" },
  },
  letters: {
    name: "The next letter, by a GRU",
    definition: {
      input: { shape: [16], dtype: "int" },
      layers: [
        { type: "embedding", size: 28, units: 12 },
        { type: "gru", units: 32, sequences: true },
        dense(28),
      ],
      loss: "cross_entropy",
    },
    training: { lr: "0.01", epochs: "15", batch: "32" },
  },
  attention: {
    name: "The next letter, by attention",
    definition: {
      input: { shape: [16], dtype: "int" },
      nodes: [
        { name: "letters", type: "embedding", inputs: ["x"], size: 28, units: 16 },
        { name: "near", type: "conv1d", inputs: ["letters"], filters: 16, size: 3, padding: "causal" },
        { name: "looked", type: "attention", inputs: ["near"], heads: 2, causal: true },
        { name: "both", type: "add", inputs: ["near", "looked"] },
        { name: "normed", type: "layer_norm", inputs: ["both"] },
        { name: "scores", type: "dense", inputs: ["normed"], units: 28 },
      ],
      loss: "cross_entropy",
    },
    training: { lr: "0.01", epochs: "30", batch: "32" },
  },
  autoencoder: {
    name: "Digits, autoencoder",
    definition: {
      input: { shape: [64] },
      layers: [dense(32, "relu"), dense(8, "tanh"), dense(32, "relu"), dense(64, "sigmoid")],
      loss: "bce",
    },
    training: { lr: "0.005", epochs: "40", batch: "32" },
  },
};

/** A definition as text: one line for each of its fields and layers. */
export function definitionText(definition) {
  const fields = Object.entries(definition).map(([name, value]) => {
    const listed = name === "layers" || name === "nodes";
    const text = listed ? `[\n${value.map((item) => `    ${spaced(item)}`).join(",\n")}\n  ]` : spaced(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}`;
}

/** JSON in one line, with room to read it. */
export function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${spaced(item)}`);
  return `{${members.join(", ")}}`;
}
