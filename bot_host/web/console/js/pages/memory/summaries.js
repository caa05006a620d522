// What was said in rooms, in short.

import { fill, h } from "../../lib/dom.js";
import { get, post } from "../../lib/api.js";
import { ago, plural, when } from "../../lib/format.js";
import { action, badge, confirmed, empty, list, loaded, toast } from "../../lib/parts.js";
import { cards, room } from "./parts.js";

const STATES = { stale: ["is made anew", "warn"], skipped: ["not told: too much at once", ""] };

export function summaries({ agent, signal }) {
  return list("/api/v1/summaries", {
    query: { agent: agent.id }, signal,
    show: cards((each) => card(each, signal)),
    none: empty("No summaries yet", "When a room has more messages than fit into a prompt, the older ones are told in short here. That needs a language model."),
  });
}

function card(item, signal) {
  const body = h("div");
  const open = () => fill(body, loaded(() => get(`/api/v1/summaries/${item.room.id}`, {}, { signal }), (found) => parts(item, found, open)));
  return h("details.remembered", { ontoggle: (event) => { if (event.target.open && !body.childElementCount) open(); } },
    h("summary", h("b", room(item.room)), " ", h("span.dim.small", `${plural(item.messages, "message")} in ${plural(item.parts, "part")}, up to `, ago(item.last_at)), " ", item.stale ? badge(`${plural(item.stale, "part")} to be made anew`, "warn") : null),
    body);
}

function parts(item, found, again) {
  return [
    found.parts.map((part) => h("div.summary-part",
      h("div.small.dim", when(part.first_at), " – ", when(part.last_at), `, ${plural(part.messages, "message")}`, part.model ? ` · by ${part.model}` : "", " ", STATES[part.state] ? badge(...STATES[part.state]) : null),
      part.text ? h("p.plain-text", part.text) : null)),
    found.not_in_any ? h("p.small.dim", `${plural(found.not_in_any, "newer message")} in none of them yet.`) : null,
    h("div.row", action("Make anew", async () => {
      if (!(await confirmed("Make it anew?", h("p", "A language model reads all of these messages again. That costs as much as it did the first time; until it is done the agent does without."), "Make anew", { danger: false }))) return;
      const made = await post(`/api/v1/summaries/${item.room.id}/rebuild`);
      toast(`${plural(made.parts, "part")} will be made anew.`, "good");
      again();
    }), action("Look again", async () => again(), { kind: "quiet" })),
  ];
}
