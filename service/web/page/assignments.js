/** Inputs as they are typed, `name = value` with a JSON value each, as the entries of a JSON object. */

const NAME = String.raw`[\p{L}_][\p{L}\p{N}_]*`;
const BEGIN = new RegExp(String.raw`(?:^|[\n;,])\s*(?=${NAME}\s*=(?!=))`, "u");
const ENTRY = new RegExp(String.raw`^(${NAME})\s*=\s*([\s\S]*)$`, "u");
const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NON_FINITE = /^(NaN|[+-]?Infinity)$/;

/** What was typed cannot be sent; the message says what to change. */
export class Mistyped extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

/** `[name, JSON text]` for each assignment; or for each member, where the text is a JSON object. */
export function entries(text, field) {
  const whole = text.trim();
  if (!whole) return [];
  if (whole.startsWith("{")) return members(whole, field);
  const seen = new Set();
  return whole
    .split(BEGIN)
    .filter((part) => part.trim())
    .map((part) => {
      const found = ENTRY.exec(part.trim());
      if (!found) throw new Mistyped(`“${shortened(part)}” is not of the form name = value.`, field);
      const [, name, value] = found;
      if (seen.has(name)) throw new Mistyped(`${name} is given twice.`, field);
      seen.add(name);
      return [name, valueText(name, value, field)];
    });
}

/** A JSON object of entries, with the numbers as they were typed. */
export const objectText = (pairs) => `{${pairs.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;

/** A value as JSON: as it was typed if it is JSON, else a number in another spelling. */
export function valueText(name, typed, field) {
  const text = typed.trim().replace(/[;,]$/, "").trim();
  if (isJson(text)) return text.replace(/\s*\n\s*/g, " ");
  if (PLAIN.test(text)) return String(Number(text));
  if (NON_FINITE.test(text)) return JSON.stringify(text.replace("+", ""));
  if (!text) throw new Mistyped(`${name} has no value.`, field);
  throw new Mistyped(
    `The value of ${name}, “${shortened(text)}”, is neither a number nor a list such as [1, 2, 3].`,
    field,
  );
}

function members(whole, field) {
  try {
    return Object.entries(JSON.parse(whole)).map(([name, value]) => [name, JSON.stringify(value)]);
  } catch (error) {
    throw new Mistyped(`This begins as a JSON object and is not one: ${error.message}`, field);
  }
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const shortened = (text) => (text.trim().length > 40 ? `${text.trim().slice(0, 40)}…` : text.trim());
