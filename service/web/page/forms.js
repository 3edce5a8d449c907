/** What all forms share: Ctrl+Enter sends, a new request takes the place of one that runs, refusals are shown. */

import { clearRefusal, showRefusal } from "./refusal.js";

/** Calls `send(signal)` when the form is submitted. */
export function onSend(form, refusals, send) {
  const button = form.querySelector("button[type=submit]");
  let running = null;
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    const own = (running = new AbortController());
    clearRefusal(refusals, form);
    button.setAttribute("aria-busy", "true");
    try {
      await send(own.signal);
    } catch (error) {
      showRefusal(refusals, error, form);
    } finally {
      if (running === own) button.removeAttribute("aria-busy");
    }
  });
}
