/** The first part of the page: a value and its gradient. */

import { element, named } from "./element.js";
import { entries, Mistyped, objectText } from "./assignments.js";
import { offerCommand } from "./command.js";
import { digitsOf } from "./figures.js";
import { onSend } from "./forms.js";
import { remarks } from "./remarks.js";
import { ask } from "./server.js";
import { kindOf, tellKind, trimmed } from "./source.js";
import { figure, figuresTable } from "./table.js";

/** Brings the form to life. */
export function differentiating() {
  const form = named("differentiate");
  const [text, at, answer] = [named("text"), named("at"), named("answer")];
  tellKind(text, named("text-kind"));
  offerCommand(form, named("answer-command"), "grad", () => bodyOf(text.value, at.value));
  onSend(form, named("answer-refusal"), async (signal) => {
    try {
      const asked = trimmed(text.value);
      const answered = await ask("POST", "grad", { body: bodyOf(asked, at.value), signal });
      answer.replaceChildren(...shown(answered, asked));
    } catch (error) {
      if (error.name !== "AbortError") answer.replaceChildren();
      throw error;
    }
  });
}

/** The body of the request, with the numbers as they were typed. */
export function bodyOf(text, at) {
  if (!text.trim()) throw new Mistyped("There is nothing to differentiate.", "expr");
  return objectText([
    [kindOf(text), JSON.stringify(trimmed(text))],
    ["at", objectText(entries(at, "at"))],
  ]);
}

function shown({ text, timing }, asked) {
  const digits = digitsOf(text);
  return [
    element("p", { class: "value" }, element("span", { class: "label" }, "Value"), " ", figure(digits.value)),
    figuresTable("Gradient", digits.grad),
    remarks(JSON.parse(text).warnings, asked),
    element(
      "p",
      { class: "hint timing" },
      timing.map(({ name, milliseconds }) => `${name} ${milliseconds.toFixed(2)} ms`).join(" · "),
    ),
  ].filter(Boolean);
}
