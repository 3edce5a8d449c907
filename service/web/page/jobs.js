/** The list of jobs, newest first, kept up to date while the page is visible. */

import { element, named } from "./element.js";
import { Row } from "./jobrow.js";
import { showRefusal } from "./refusal.js";
import { askJson, Refused } from "./server.js";

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
  #open = "";

  constructor(forgotten) {
    this.#forgotten = forgotten;
    const heads = COLUMNS.map((name) =>
      element("th", { role: "columnheader", scope: "col" }, name || element("span", { class: "unseen" }, "Actions")),
    );
    this.#table = element(
      "table",
      { class: "jobs", role: "table", "aria-labelledby": "jobs-title" },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)),
      this.#body,
    );
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
      if (this.#body.children[place] !== row.line)
        this.#body.insertBefore(row.line, this.#body.children[place] ?? null);
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
