// Searching as the agent searches, with the ears of a room or with all of them.

import { fill, h } from "../../lib/dom.js";
import { empty, field, list, loaded } from "../../lib/parts.js";
import { remember } from "../../lib/router.js";
import { KINDS, cards, meant, memory, personPicker, roomPicker } from "./parts.js";

const SHOWN = ["message", "fact", "fragment", "description", "custom"];

export function search({ agent, query, signal }) {
  return loaded(() => meant(agent, query, signal), (known) => draw({ agent, query, signal }, known));
}

function draw({ agent, query, signal }, known) {
  const wanted = { q: query.q ?? "", heard: known.room?.id ?? "", person: known.person?.id ?? "", kind: query.kind ?? "", since: query.since ?? "", until: query.until ?? "" };
  const place = h("div");
  const input = h("input.grow", { type: "search", value: wanted.q, maxlength: 2000, "aria-label": "What to look for", placeholder: "What to look for" });
  const kind = h("select", h("option", { value: "" }, "All kinds"), SHOWN.map((each) => h("option", { value: each, selected: each === wanted.kind }, KINDS[each])));
  const since = h("input", { type: "date", value: wanted.since });
  const until = h("input", { type: "date", value: wanted.until });
  const run = () => {
    Object.assign(wanted, { q: input.value.trim(), kind: kind.value, since: since.value, until: until.value });
    remember(wanted);
    if (!wanted.q) { fill(place, empty("Search what the agent remembers", "Type a few words. Words and meaning both count, as when the agent itself recalls something.")); return; }
    const day = (text, end) => (text ? new Date(`${text}T${end}`).toISOString() : "");
    const asked = { count: 20, agent: agent.id, q: wanted.q, heard: wanted.heard, person: wanted.person, types: wanted.kind, since: day(wanted.since, "00:00:00"), until: day(wanted.until, "23:59:59.999") };
    fill(place, list("/api/v1/memories", { query: asked, signal, show: cards((each) => memory(each, agent)), none: empty("Nothing fits", wanted.heard ? "Perhaps it may not be heard in that room: search everywhere to see." : "Try other words, or fewer limits.") }));
  };
  const narrowed = Boolean(wanted.heard || wanted.person || wanted.kind || wanted.since || wanted.until);
  const element = h("div",
    h("form.panel", { onsubmit: (event) => { event.preventDefault(); run(); } },
      h("div.row.search-row", input, h("button.main", "Search")),
      h("details", { open: narrowed }, h("summary.small", "Narrow it down"), h("div.grid.narrow",
        roomPicker(agent, { name: "As heard in", hint: "A room: only what may be said there. Empty: everything.", chosen: known.room, onchoose: (one) => { wanted.heard = one?.id ?? ""; } }),
        personPicker(agent, { name: "Said by", chosen: known.person, onchoose: (one) => { wanted.person = one?.id ?? ""; } }),
        field("Kind", kind), field("From", since), field("To", until)))),
    place);
  run();
  return element;
}
