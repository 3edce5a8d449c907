/** Named numbers and arrays as a table. */

import { element } from "./element.js";
import { counted, shapeOf, written } from "./figures.js";

/** A table with one row for each name of an object. */
export function figuresTable(caption, values) {
  const rows = Object.entries(values).map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name, shapeTag(value)), element("td", {}, figure(value))),
  );
  return element("table", { class: "figures" }, element("caption", {}, caption), element("tbody", {}, rows));
}

/** A number or an array, wrapped; matrices keep their rows. */
export function figure(value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return Object.entries(value).map(([name, inner]) => element("div", {}, `${name} `, figure(inner)));
  }
  const { text, left } = written(value);
  const shown = element("code", { class: shapeOf(value).length > 1 ? "figure matrix" : "figure" }, text);
  return left ? [shown, element("span", { class: "hint" }, ` and ${counted(left)} more`)] : [shown];
}

function shapeTag(value) {
  const shape = shapeOf(value);
  return shape.length ? element("span", { class: "hint" }, ` (${shape.join("×")})`) : null;
}
