// What the types of adjoint.d.ts take, and what they refuse: compiled by test_clients.py, never run.

import type { ArrayValue, GradAnswer, Paths, Question, Report, Warning } from "../../examples/clients/adjoint.d.ts";

export const arrays: ArrayValue[] = [
  3,
  true,
  "NaN",
  "-Infinity",
  [],
  [1, "Infinity", 3],
  [[1, 2], [3, 4]],
  [[[0.5]], [[1]]],
  { dtype: "float64", shape: [2], base64: "AAAAAAAA8D8AAAAAAAAAQA==" },
];
// @ts-expect-error: no other string is a number
export const text: ArrayValue = "nan";
// @ts-expect-error: an element is a number
export const hole: ArrayValue = [1, null];
// @ts-expect-error: no other type is packed
export const packed: ArrayValue = { dtype: "complex128", shape: [2], base64: "" };

export const question: Question = { expr: "x*y", at: { x: [1, 2], y: "Infinity" }, wrt: ["x"], batch: true, encoding: null };
// @ts-expect-error: there is no such field
export const typo: Question = { expr: "x", att: { x: 1 } };
// @ts-expect-error: there are three precisions
export const precision: Question = { expr: "x", precision: "double" };

type Posted<P extends keyof Paths> = Paths[P] extends { POST: { answer: infer A } } ? A : never;
export const answer: Posted<"/grad"> = { value: 9, grad: { x: [6, "NaN"] }, warnings: [] } satisfies GradAnswer;
// @ts-expect-error: warnings are always there
export const silent: GradAnswer = { value: 9, grad: { x: 6 } };

export function told(report: Report, warning: Warning): (number | string | null | undefined)[] {
  const worst = report.components[0];
  // @ts-expect-error: a condition may be null
  report.condition.toString();
  // @ts-expect-error: a witness may not have been heard
  report.witnesses.symbolic.status;
  // A verdict is one of four.
  const verdicts: Record<Report["verdict"], number> = { correct: 0, incorrect: 1, "not-differentiable": 2, inconclusive: 3 };
  const further: unknown = warning["operation"];
  return [verdicts[report.verdict], worst?.claimed, report.condition, warning.span?.column, typeof further];
}

export const stored: Paths["/functions"]["POST"]["request"] = { expr: "x^2", inputs: [{ name: "x", shape: [2] }] };
export const named: Paths["/functions"]["POST"]["request"] = { expr: "x^2", inputs: { x: { dtype: "float64" } } };
export const page: Paths["/functions"]["GET"]["query"] = { limit: 5 };
export const deleted: Paths["/functions/{reference}"]["DELETE"]["answer"] = undefined;
export const model: Paths["/Evaluate"]["POST"]["request"] = { name: "pair", input: [[1, 2], [1, 0, 0, 1]] };
