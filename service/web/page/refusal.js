/** Refusals of the server, and what cannot be sent to it, as people read them. */

import { element, prose } from "./element.js";
import { Mistyped } from "./assignments.js";
import { Refused, relative } from "./server.js";

/** A problem with its excerpt, hint and pointers. */
export function refusal(problem) {
  const faults = (problem.errors ?? []).filter(
    (fault) => problem.errors.length > 1 || !problem.detail.includes(fault.detail),
  );
  return element(
    "div",
    { class: "refusal" },
    element(
      "p",
      { class: "title" },
      problem.title ?? "Refused",
      problem.type ? [" ", element("a", { href: relative(problem.type) }, problem.type.split("/").pop())] : null,
    ),
    element("p", {}, faults.length > 1 ? `${faults.length} things are wrong.` : prose(problem.detail)),
    faults.length
      ? element(
          "ul",
          {},
          faults.map((fault) => element("li", {}, element("code", {}, fault.pointer), " ", prose(fault.detail))),
        )
      : null,
    problem.excerpt ? element("pre", { class: "excerpt" }, problem.excerpt) : null,
    problem.hint
      ? element("p", { class: "advice" }, element("strong", {}, "Hint"), " ", element("code", {}, problem.hint))
      : null,
  );
}

/** Shows in `place` what went wrong, and marks the fields of `form` that it is about. */
export function showRefusal(place, error, form = null) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Refused || error instanceof Mistyped)) throw error;
  const problem = error instanceof Refused ? error.problem : { title: "Not sent", detail: error.message };
  const shown = refusal(problem);
  // What is shown already is not read out again.
  if (place.textContent !== shown.textContent) place.replaceChildren(shown);
  if (!form) return;
  const wanted = new Set(error instanceof Mistyped ? [error.field] : fieldsOf(problem));
  for (const field of form.querySelectorAll("[data-fields]")) {
    if (field.dataset.fields.split(" ").some((name) => wanted.has(name))) field.setAttribute("aria-invalid", "true");
  }
}

/** Takes back what `showRefusal` has shown. */
export function clearRefusal(place, form) {
  place.replaceChildren();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

const fieldsOf = (problem) =>
  problem.errors?.length ? problem.errors.map((fault) => fault.pointer.split("/")[1]) : problem.span ? ["expr"] : [];
