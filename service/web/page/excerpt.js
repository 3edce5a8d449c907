/** The place of a span in a text. */

import { element } from "./element.js";

/** The lines of a span with the span marked; null where the text does not have it. Columns count characters, from 1. */
export function marked(text, span) {
  const lines = (text ?? "")
    .split("\n")
    .slice(span.line - 1, span.end_line)
    .map((line) => [...line]);
  if (lines.length !== span.end_line - span.line + 1 || lines[0].length < span.column - 1) return null;
  const last = lines.length - 1;
  const shown = lines.flatMap((line, i) => {
    const begin = i === 0 ? span.column - 1 : 0;
    const end = i === last ? span.end_column - 1 : line.length;
    return [
      i ? "\n" : "",
      line.slice(0, begin).join(""),
      element("mark", {}, line.slice(begin, end).join("")),
      line.slice(end).join(""),
    ];
  });
  return element("pre", { class: "excerpt" }, shown);
}
