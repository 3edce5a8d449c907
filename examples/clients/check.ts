// Is a gradient written by hand right?  Typed by adjoint.d.ts, without packages (Node 22.18 or newer, Deno, Bun):
//
//   node check.ts [http://host:port]        or ADJOINT_URL=http://host:port node check.ts
//   tsc --strict --noEmit --target es2022 --module preserve check.ts        checks the types

import type { ArrayValue, Paths, Problem, Question, Report } from "./adjoint.d.ts";

declare const process: { argv: string[]; env: Record<string, string | undefined>; exitCode?: number };

type Posted = "/grad" | "/check";
type Point = { x: number; y: number };

const url = process.argv[2] ?? process.env["ADJOINT_URL"] ?? "http://127.0.0.1:8000";
const at: Point = { x: 3, y: 0.5 };
const question: Question = { expr: "x^2*sin(y) + exp(-x*y)", at };

const { sin, cos, exp } = Math;
const right = ({ x, y }: Point) => ({ x: 2 * x * sin(y) - y * exp(-x * y), y: x ** 2 * cos(y) - x * exp(-x * y) });
// Forgets the inner derivative -x in one component.
const wrong = ({ x, y }: Point) => ({ ...right({ x, y }), y: x ** 2 * cos(y) + exp(-x * y) });

async function post<P extends Posted>(path: P, body: Paths[P]["POST"]["request"]): Promise<Paths[P]["POST"]["answer"]> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    const { title, detail, hint }: Problem = await response.json();
    throw new Error(`${title}: ${detail}` + (hint ? `\nhint: ${hint}` : ""));
  }
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.json();
}

/** An array is a number, a string for one that is not finite, a list of arrays, or packed: here it is a number. */
function number(array: ArrayValue | undefined): number {
  if (typeof array !== "number") throw new Error(`not a finite number: ${JSON.stringify(array)}`);
  return array;
}

async function check(label: string, gradient: (point: Point) => Point): Promise<void> {
  const { verdict, diagnosis }: Report = await post("/check", { ...question, claimed: { grad: { ...gradient(at) } } });
  console.log(label, verdict);
  const best = diagnosis[0];
  if (best !== undefined) console.log(`          ${best.kind}: ${best.detail}`);
}

try {
  const { value, grad } = await post("/grad", question);
  console.log(`value     ${number(value)}`);
  console.log(`gradient  x ${number(grad["x"])}, y ${number(grad["y"])}`);
  await check("by hand  ", right);
  await check("mistaken ", wrong);
} catch (error) {
  const { message, cause } = error as Error & { cause?: { message?: string; code?: string } };
  console.error(cause ? `${url}: ${cause.message || cause.code}` : message);
  process.exitCode = 1;
}
