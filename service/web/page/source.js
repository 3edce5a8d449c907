/** What is typed as an objective or question: an expression, or a program. */

/** The name of the field that a text is sent in: programs assign, define and return, expressions do not. */
export const kindOf = (text) =>
  /^\s*(return|def|[\p{L}_][\p{L}\p{N}_]*\s*=(?!=))|\breturn\b/mu.test(text) ? "program" : "expr";

/** A text as it is sent: without blank lines around it; the indentation of a program stays. */
export const trimmed = (text) => (kindOf(text) === "expr" ? text.trim() : text.replace(/^(\s*\n)+/, "").trimEnd());

/** Shows beside a text field how its text is read. */
export function tellKind(field, tag) {
  const tell = () => (tag.textContent = kindOf(field.value) === "expr" ? "expression" : "program");
  field.addEventListener("input", tell);
  tell();
}
