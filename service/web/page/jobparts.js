/** What is seen of a job: its places on the page, and what it has found. */

import { element, prose } from "./element.js";
import { refusal } from "./refusal.js";
import { remarks } from "./remarks.js";
import { figure, figuresTable } from "./table.js";

/** The places of a job: all of them by name, and in `all` those that go on the page. */
export function partsOf(id, on) {
  const state = element("span", { class: "state", role: "status" });
  const stop = element("button", { type: "button", hidden: true, onclick: on.stop }, "Stop");
  const bar = element("progress", { "aria-label": "Steps" });
  const [step, value, best] = [element("dd"), element("dd"), element("dd")];
  const log = element("input", { type: "checkbox", onchange: () => on.log(log.checked) });
  const left = element("span");
  const chart = element("div", { class: "chart", role: "group" });
  const logarithmic = element("label", { class: "check" }, log, " Logarithmic ", left);
  const chartPart = element("div", { hidden: true }, chart, logarithmic);
  const objective = element("pre", { class: "excerpt objective" });
  const [method, why] = [element("p"), element("p", { class: "hint" })];
  const outcome = element("div", { class: "result", "aria-live": "polite" });
  const trouble = element("div", { role: "alert" });
  const facts = [
    ["Step", step],
    ["Value", value],
    ["Best", best],
  ].map(([name, shown]) => element("div", {}, element("dt", {}, name), shown));
  const json = element("a", { href: `jobs/${id}` }, "As JSON");
  const history = element("a", { href: `jobs/${id}/history` }, "History");
  const body = element(
    "div",
    { hidden: true },
    element("p", { class: "headline" }, state, element("a", { href: `#${id}`, class: "id" }, id), stop),
    objective,
    method,
    why,
    bar,
    element("dl", { class: "facts" }, facts),
    chartPart,
    outcome,
    element("p", { class: "hint" }, json, " · ", history),
  );
  const figures = { bar, step, value, best, log, left, chart, chartPart };
  return { all: [trouble, body], body, state, stop, objective, method, why, ...figures, outcome, trouble };
}

/** The method with its options in a line. */
export function methodText({ method, direction, starts }) {
  const { name, ...options } = method;
  const told = Object.entries(options).map(([option, value]) => `${option} ${value}`);
  const more = [direction === "maximize" ? "maximize" : "", starts > 1 ? `${starts} starts` : ""].filter(Boolean);
  return [name, ...told, ...more].join(" · ");
}

/** What an ended job has found, or why it failed; `found` is its result with the digits of the server. */
export function outcomeOf(job, found) {
  const shown = [];
  if (job.error) shown.push(refusal(job.error));
  if (!found) return shown;
  if (!job.error) {
    const message = found.message ? [" – ", prose(found.message)] : null;
    shown.push(element("p", {}, element("strong", {}, found.stop_reason), message));
  }
  const label = element("span", { class: "label" }, "Best value");
  shown.push(element("p", { class: "value" }, label, " ", figure(found.value)));
  const where = found.start === undefined ? "Where" : `Where, from start ${found.start}`;
  if (found.variables) shown.push(figuresTable(where, found.variables));
  shown.push(remarks(job.result.warnings, Object.values(job.objective)[0]));
  return shown.filter(Boolean);
}
