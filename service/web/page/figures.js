/** Numbers and arrays as text. */

const SHOWN = 60;

/** JSON whose numbers become their text, exactly as the server wrote them. */
export const digitsOf = (text) =>
  JSON.parse(text, (_, value, context) => (typeof value === "number" ? (context?.source ?? String(value)) : value));

/** Shape of a nested list. */
export function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...(value.length ? shapeOf(value[0]) : [])] : [];
}

/** The text of a number or nested list, its beginning where it is long; `left` tells how many numbers are missing. */
export function written(value) {
  if (!Array.isArray(value)) return { text: String(value), left: 0 };
  const shape = shapeOf(value);
  const size = shape.reduce((product, length) => product * length, 1);
  const budget = { left: SHOWN };
  const widths = shape.length > 1 ? widest(value, [], { left: SHOWN }) : [];
  return { text: list(value, 1, widths, budget), left: Math.max(0, size - SHOWN) };
}

/** A number in few digits, for places where it moves. */
export function brief(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(4) : value.toPrecision(6);
}

/** A count with separators. */
export const counted = (count) => count.toLocaleString("en");

function list(items, depth, widths, budget) {
  const inner = Array.isArray(items[0]);
  const parts = [];
  for (const [column, item] of items.entries()) {
    if (budget.left <= 0) {
      parts.push("…");
      break;
    }
    if (inner) parts.push(list(item, depth + 1, widths, budget));
    else {
      parts.push(String(item).padStart(widths[column] ?? 0));
      budget.left -= 1;
    }
  }
  return `[${parts.join(inner ? `,\n${" ".repeat(depth)}` : ", ")}]`;
}

/** The width of each column of the numbers that are shown, so that rows stand below each other. */
function widest(items, widths, budget) {
  for (const [column, item] of items.entries()) {
    if (budget.left <= 0) break;
    if (Array.isArray(item)) widest(item, widths, budget);
    else {
      widths[column] = Math.max(widths[column] ?? 0, String(item).length);
      budget.left -= 1;
    }
  }
  return widths;
}
