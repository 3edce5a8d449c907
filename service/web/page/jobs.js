/** The list of jobs, newest first, kept up to date while the page is visible. */

import { element, named, say } from "./element.js";
import { brief, counted } from "./figures.js";
import { showRefusal } from "./refusal.js";
import { askJson, Refused } from "./server.js";
import { ended } from "./watch.js";

const PAGE = 20;
const MOST = 100;
const AGAIN_MS = 4000;
const COLUMNS = ["State", "Objective", "Method", "Step", "Value", "Created", ""];

/** The list in its place on the page; `forgotten(id)` is called for jobs that are taken away. */
export class JobList {
  #forgotten;
  #rows = new Map();
  #wanted = PAGE;
  #asked = 0;
  #timer = 0;
  #body = element("tbody", { role: "rowgroup" });
  #trouble = element("div", { role: "alert" });
  #empty = element("p", { class: "empty", hidden: true }, "No jobs yet.");
  #more = element("button", { type: "button", hidden: true, onclick: () => this.#showMore() }, "More");
  #table;

  constructor(forgotten) {
    this.#forgotten = forgotten;
    const heads = COLUMNS.map((name) => element("th", { role: "columnheader", scope: "col" }, name || element("span", { class: "unseen" }, "Actions")));
    this.#table = element("table", { class: "jobs", role: "table", "aria-labelledby": "jobs-title" },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)), this.#body);
    named("jobs").replaceChildren(this.#trouble, this.#table, this.#empty, this.#more);
    document.addEventListener("visibilitychange", () => this.refresh());
  }

  /** Ask now, and again every few seconds while the page is visible. */
  async refresh() {
    clearTimeout(this.#timer);
    if (document.visibilityState !== "visible") return;
    const asked = ++this.#asked;
    try {
      const { jobs, next } = await this.#ask();
      if (asked !== this.#asked) return;
      this.#trouble.replaceChildren();
      this.#show(jobs, next);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (asked === this.#asked) showRefusal(this.#trouble, error);
    }
    if (asked === this.#asked) this.#timer = setTimeout(() => this.refresh(), AGAIN_MS);
  }

  /** Marks the row of the job that is open. */
  mark(id) {
    for (const [own, row] of this.#rows) row.mark(own === id);
    this.#open = id;
  }

  #open = "";

  async #ask() {
    const jobs = [];
    let next = "";
    while (next !== null && jobs.length < this.#wanted) {
      const page = await askJson("GET", `jobs?limit=${Math.min(MOST, this.#wanted - jobs.length)}&after=${next}`);
      jobs.push(...page.jobs);
      next = page.next;
    }
    return { jobs, next };
  }

  #show(jobs, next) {
    const ids = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.line.remove();
      this.#rows.delete(id);
    }
    jobs.forEach((job, place) => {
      const row = this.#rows.get(job.id) ?? new Row(job, (method, address) => this.#act(job.id, method, address));
      this.#rows.set(job.id, row);
      row.tell(job);
      row.mark(job.id === this.#open);
      // A row that is in its place stays there, and keeps the focus.
      if (this.#body.children[place] !== row.line) this.#body.insertBefore(row.line, this.#body.children[place] ?? null);
    });
    this.#table.hidden = jobs.length === 0;
    this.#empty.hidden = jobs.length > 0;
    this.#more.hidden = next === null;
  }

  #showMore() {
    this.#wanted += PAGE;
    this.refresh();
  }

  async #act(id, method, address) {
    try {
      await askJson(method, address);
      if (method === "DELETE") this.#forgotten(id);
      await this.refresh();
    } catch (error) {
      showRefusal(this.#trouble, error);
    }
  }
}

/** One line of the list. */
class Row {
  constructor({ id, links }, act) {
    this.state = element("span", { class: "state" });
    this.link = element("a", { href: `#${id}`, class: "code" });
    [this.method, this.step, this.value] = [element("span"), element("span"), element("span")];
    this.time = element("time");
    this.stop = element("button", { type: "button", onclick: () => act("POST", links.cancel) }, "Stop");
    this.forget = element("button", { type: "button", onclick: () => confirm("Forget this job and its history?") && act("DELETE", links.self) }, "Forget");
    const cells = [[this.state], [this.link], [this.method], [this.step], [this.value], [this.time], [this.stop, this.forget]];
    const names = ["state", "objective", "method", "number", "number value", "created", "acts"];
    this.line = element("tr", { role: "row" }, cells.map((cell, i) => element("td", { role: "cell", class: `${names[i]}-cell`.replace(" ", "-cell ") }, cell)));
  }

  mark(open) {
    if (open) this.line.setAttribute("aria-current", "true");
    else this.line.removeAttribute("aria-current");
  }

  tell(job) {
    this.state.className = `state ${job.state}`;
    say(this.state, job.state);
    const text = Object.values(job.objective)[0];
    say(this.link, text);
    this.link.title = text;
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
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size) return words.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}
