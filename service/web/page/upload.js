/** Files that become datasets. */

import { askJson, Refused } from "./server.js";

const TYPES = { npy: "application/octet-stream", npz: "application/octet-stream", json: "application/json" };
const TRIES = 9;

/** The dataset of a file, named like it; with a number where another dataset has that name. */
export async function upload(file) {
  const ending = file.name.split(".").pop().toLowerCase();
  const type = TYPES[ending] ?? "text/csv";
  const stem = file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_.-]+/g, "_");
  for (let number = 1; ; number++) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    try {
      return await askJson("POST", `datasets?name=${encodeURIComponent(name)}`, { body: file, type });
    } catch (error) {
      if (!(error instanceof Refused) || error.problem.status !== 409 || number === TRIES) throw error;
    }
  }
}
