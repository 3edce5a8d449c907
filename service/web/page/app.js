/** The page: its parts, and the job or the model that its address names. */

import { named } from "./element.js";
import { differentiating } from "./differentiate.js";
import { JobView } from "./job.js";
import { JobList } from "./jobs.js";
import { Models } from "./models.js";
import { optimising } from "./optimise.js";

const ID = /^#((job|md)_[A-Za-z0-9]+)$/;

const list = new JobList((id) => {
  if (location.hash === `#${id}`) location.hash = "";
});
const opened = (job) => {
  location.hash = job.id;
  list.refresh();
};
const models = new Models({ defined: (model) => (location.hash = model.id), posted: opened });
const view = new JobView({ changed: () => list.refresh(), training: (job) => models.attend(job) });

function show(seek = false) {
  const [, id, kind] = ID.exec(location.hash) ?? [];
  list.mark(kind === "job" ? id : "");
  if (kind === "job") view.open(id, seek);
  else view.empty();
  if (kind === "md") models.open(id);
}

differentiating();
optimising(opened);
addEventListener("hashchange", () => show(true));
// A page that is kept in the background of the history neither listens nor asks.
addEventListener("pagehide", () => view.close());
addEventListener("pageshow", (event) => event.persisted && show());
show();
list.refresh();
