/** Follows a job: its history so far, then its events, until it has ended. */

import { ask, askJson, Refused, relative } from "./server.js";

const PAGE = 10_000;
const AGAIN_MS = 3000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** Whether a job has ended. */
export const ended = (job) => ENDED.has(job.state);

/** Tells of one job until it is closed: `job(job, text)`, `rows(columns)`, `trouble(error)`, and then null. */
export class Watch {
  #id;
  #heard;
  #last = -1;
  #stream = null;
  #over = false;
  #abort = new AbortController();

  constructor(id, heard) {
    this.#id = id;
    this.#heard = heard;
  }

  /** Stop following. */
  close() {
    this.#abort.abort();
    this.#stream?.close();
  }

  /** Read what there is, then listen; again after a while where the server cannot be reached. */
  async begin() {
    try {
      const job = await this.#tell();
      await this.#readHistory();
      this.#heard.trouble(null);
      if (!ended(job)) this.#listen(job);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      this.#heard.trouble(error);
      if ((error.problem.status ?? 503) >= 500) this.#later();
    }
  }

  /** Ask how the job is between two events: what it says of itself on the way is in none of them. */
  async look() {
    try {
      const { text } = await ask("GET", `jobs/${this.#id}`, { signal: this.#abort.signal });
      const job = JSON.parse(text);
      if (!this.#over && !ended(job)) this.#heard.job(job, text);
    } catch (error) {
      // The stream tells of trouble.
      if (error.name !== "AbortError" && !(error instanceof Refused)) throw error;
    }
  }

  async #tell() {
    const { text } = await ask("GET", `jobs/${this.#id}`, { signal: this.#abort.signal });
    const job = JSON.parse(text);
    this.#heard.job(job, text);
    return job;
  }

  async #readHistory() {
    for (;;) {
      const address = `jobs/${this.#id}/history?limit=${PAGE}&after=${this.#last}`;
      const columns = await askJson("GET", address, { signal: this.#abort.signal });
      const count = columns.index.length;
      if (count) {
        this.#last = columns.index[count - 1];
        this.#heard.rows(columns);
      }
      if (count < PAGE) return;
    }
  }

  #listen(job) {
    // It resumes with `Last-Event-ID` by itself, which counts for more than `after`.
    const stream = (this.#stream = new EventSource(`${relative(job.links.events)}?after=${this.#last}`));
    stream.addEventListener("step", (event) => {
      const row = JSON.parse(event.data);
      this.#last = row.index;
      this.#heard.rows(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]])));
    });
    stream.addEventListener("state", (event) => {
      const now = JSON.parse(event.data);
      if (!ended(now)) return this.#heard.job(now, event.data);
      this.#over = true;
      stream.close();
      // Events leave the variables out.
      return this.begin();
    });
    stream.addEventListener("open", () => this.#heard.trouble(null));
    stream.addEventListener("error", () => {
      this.#heard.trouble(new Refused({ title: "Connection lost", detail: "Trying again…" }));
      // It tries again by itself after a broken connection, and not after a refusal.
      if (stream.readyState === EventSource.CLOSED) this.#later();
    });
  }

  #later() {
    setTimeout(() => this.#abort.signal.aborted || this.begin(), AGAIN_MS);
  }
}
