/** The request as a command to copy. */

import { Mistyped } from "./assignments.js";
import { element } from "./element.js";

/** `curl` for a POST of this body; quoted for POSIX shells. */
export function curl(path, body) {
  const quoted = body.replaceAll("'", String.raw`'\''`);
  return `curl -s ${new URL(path, document.baseURI).href} -H 'content-type: application/json' -d '${quoted}'`;
}

/**
 * Shows in `place`, while its details are open, the command for what is typed into a form, and a button to copy it.
 * `path` may be a function, too.  What is returned shows it anew, where what it is made of has changed otherwise.
 */
export function offerCommand(form, place, path, body) {
  const details = place.closest("details");
  const tell = () => details.open && place.replaceChildren(...commandOf(path, body));
  for (const [source, event] of [
    [form, "input"],
    [form, "change"],
    [details, "toggle"],
  ])
    source.addEventListener(event, tell);
  return tell;
}

function commandOf(path, body) {
  try {
    const shown = element("pre", {}, curl(typeof path === "function" ? path() : path, body()));
    const button = element("button", { type: "button", onclick: () => copy(shown, button) }, "Copy");
    return [shown, button];
  } catch (error) {
    if (!(error instanceof Mistyped)) throw error;
    return [element("p", { class: "hint" }, "What is typed cannot be sent yet.")];
  }
}

async function copy(shown, button) {
  try {
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = "Copied";
  } catch {
    // Without permission, or not over https: what is selected can be copied by hand.
    getSelection().selectAllChildren(shown);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}
