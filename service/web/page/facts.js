/** Named numbers that move, side by side. */

import { element, say } from "./element.js";

/** A list of facts with these names, and `tell(name, text)` to change one. */
export function facts(names) {
  const places = new Map(names.map((name) => [name, element("dd")]));
  const list = element(
    "dl",
    { class: names.length % 2 ? "facts" : "facts four" },
    [...places].map(([name, place]) => element("div", {}, element("dt", {}, name), place)),
  );
  return { list, tell: (name, text) => say(places.get(name), text) };
}
