/** The request as a command to copy. */

import { Mistyped } from "./assignments.js";
import { element } from "./element.js";

/** `curl` for a POST of this body; quoted for POSIX shells. */
export function curl(path, body) {
  const quoted = body.replaceAll("'", String.raw`'\''`);
  return `curl -s ${new URL(path, document.baseURI).href} -H 'content-type: application/json' -d '${quoted}'`;
}

/** Shows the command for a body with a button that copies it; what is wrong while what is typed cannot be sent. */
export function offerCommand(place, path, body) {
  try {
    const shown = element("pre", {}, curl(path, body()));
    const button = element("button", { type: "button", onclick: () => copy(shown, button) }, "Copy");
    place.replaceChildren(shown, button);
  } catch (error) {
    if (!(error instanceof Mistyped)) throw error;
    place.replaceChildren(element("p", { class: "hint" }, "What is typed cannot be sent yet."));
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
