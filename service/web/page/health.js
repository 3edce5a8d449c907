/** What a training says of its gradients: where they vanish or explode. */

import { element, prose } from "./element.js";

/** A list of remarks; the seed is named where there are several. */
export function healthRemarks(remarks, seeds) {
  const items = remarks.map(({ kind, detail, epoch, step, start }) => {
    const where = seeds.length > 1 ? `, seed ${seeds[start]}` : "";
    const when = element("span", { class: "hint" }, ` epoch ${epoch}, step ${step}${where} `);
    return element("li", {}, element("strong", {}, kind), when, element("span", {}, prose(detail)));
  });
  return element("ul", { class: "remarks", "aria-label": "Remarks on the gradients" }, items);
}
