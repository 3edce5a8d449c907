/** One line of the list of jobs. */

import { element, say } from "./element.js";
import { brief, counted } from "./figures.js";
import { trainingText } from "./jobparts.js";
import { ended } from "./watch.js";

/** The line of a job; `act(method, address)` is called by its buttons. */
export class Row {
  constructor({ id, links }, act) {
    this.state = element("span", { class: "state" });
    this.link = element("a", { href: `#${id}`, class: "code" });
    [this.method, this.step, this.value] = [element("span"), element("span"), element("span")];
    this.time = element("time");
    this.stop = element("button", { type: "button", onclick: () => act("POST", links.cancel) }, "Stop");
    const forget = () => confirm("Forget this job and its history?") && act("DELETE", links.self);
    this.forget = element("button", { type: "button", onclick: forget }, "Forget");
    const cells = {
      "state-cell": this.state,
      "objective-cell": this.link,
      "method-cell": this.method,
      "number-cell": this.step,
      "number-cell value-cell": this.value,
      "created-cell": this.time,
      "acts-cell": [this.stop, this.forget],
    };
    this.line = element(
      "tr",
      { role: "row" },
      Object.entries(cells).map(([name, shown]) => element("td", { role: "cell", class: name }, shown)),
    );
  }

  /** Says whether this is the job that is open. */
  mark(open) {
    if (open) this.line.setAttribute("aria-current", "true");
    else this.line.removeAttribute("aria-current");
  }

  /** Shows how the job is now. */
  tell(job) {
    this.state.className = `state ${job.state}`;
    say(this.state, job.state);
    const text = job.training ? `Training · ${trainingText(job.training)}` : Object.values(job.objective)[0];
    say(this.link, text);
    this.link.title = job.training ? job.objective.model : text;
    this.link.className = job.training ? "" : "code";
    say(this.method, job.method.name);
    say(this.step, `${counted(job.progress.step)} / ${counted(job.progress.max_steps)}`);
    say(this.value, brief(job.progress.best));
    this.time.dateTime = job.created;
    this.time.title = new Date(job.created).toLocaleString();
    say(this.time, ago(Date.parse(job.created)));
    this.stop.hidden = ended(job);
    this.stop.disabled = job.cancelling;
    this.forget.hidden = !ended(job);
    for (const button of [this.stop, this.forget]) button.setAttribute("aria-label", `${button.textContent} ${text}`);
  }
}

/** How long ago something was, in words. */
export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, (now - time) / 1000);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
  for (const [unit, size] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (seconds >= size) return words.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}
