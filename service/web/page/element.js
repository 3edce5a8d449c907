/** Elements, made of text that is never read as HTML. */

/** An element with attributes, `on…` handlers and children; what is null or false is left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A sentence of the server as content: what stands between backticks is code. */
export const prose = (sentence) => sentence.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));

/** The element with this id. */
export const named = (id) => document.getElementById(id);

/** Sets text only where it differs, so that nothing is read out or selected anew. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
