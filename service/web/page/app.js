/** The page: its parts, and the job that its address names. */

import { named } from "./element.js";
import { differentiating } from "./differentiate.js";
import { JobView } from "./job.js";
import { JobList } from "./jobs.js";
import { optimising } from "./optimise.js";

const ID = /^#(job_[A-Za-z0-9]+)$/;

const list = new JobList((id) => {
  if (location.hash === `#${id}`) location.hash = "";
});
const view = new JobView(() => list.refresh());

function show() {
  const id = ID.exec(location.hash)?.[1];
  list.mark(id ?? "");
  if (id) view.open(id);
  else view.empty();
}

differentiating();
optimising((job) => {
  location.hash = job.id;
  list.refresh();
});
addEventListener("hashchange", () => {
  show();
  if (ID.test(location.hash)) named("job").scrollIntoView({ block: "nearest" });
});
// A page that is kept in the background of the history neither listens nor asks.
addEventListener("pagehide", () => view.close());
addEventListener("pageshow", (event) => event.persisted && show());
show();
list.refresh();
