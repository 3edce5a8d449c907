/** The warnings of an answer, each with its place in the text. */

import { element, prose } from "./element.js";
import { marked } from "./excerpt.js";

/** A list of warnings; null where there are none. */
export function remarks(warnings, text) {
  if (!warnings?.length) return null;
  const items = warnings.map((warning) =>
    element(
      "li",
      {},
      element("strong", {}, warning.code),
      " ",
      prose(warning.message),
      warning.span ? marked(text, warning.span) : null,
    ),
  );
  return element("ul", { class: "remarks", "aria-label": "Warnings" }, items);
}
