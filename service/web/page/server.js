/** Requests to the server that the page came from, wherever it is mounted. */

/** The server refused; `problem` is what it said (RFC 9457). */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** An address that the server told, relative to the page: a proxy may have put a prefix before it. */
export const relative = (address) => address.replace(/^\//, "");

/** Status, body as text, and `Server-Timing` of the answer to a request; throws `Refused`. */
export async function ask(method, address, { body, type = "application/json", signal } = {}) {
  const headers = body === undefined ? {} : { "content-type": type };
  let answer;
  let text;
  try {
    answer = await fetch(relative(address), { method, headers, body, signal, cache: "no-store" });
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({ title: "No answer", detail: "The server cannot be reached." });
  }
  if (!answer.ok) throw new Refused(problemOf(answer, text));
  return { status: answer.status, text, timing: timings(answer.headers.get("server-timing")) };
}

/** The decoded answer to a request. */
export async function askJson(method, address, options) {
  const { text } = await ask(method, address, options);
  return text ? JSON.parse(text) : null;
}

function problemOf(answer, text) {
  if ((answer.headers.get("content-type") ?? "").includes("json")) return JSON.parse(text);
  return { title: "No answer", status: answer.status, detail: `${answer.status} ${answer.statusText}`.trim() };
}

function timings(header) {
  return [...(header ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name, value]) => ({
    name,
    milliseconds: Number(value),
  }));
}
