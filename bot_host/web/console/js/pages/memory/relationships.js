// How people stand to each other, as the agent sees it.

import { fill, h } from "../../lib/dom.js";
import { del, patch } from "../../lib/api.js";
import { ago } from "../../lib/format.js";
import { action, badge, confirmed, empty, field, list, loaded, toast } from "../../lib/parts.js";
import { remember } from "../../lib/router.js";
import { cards, ears, form, meant, person, personPicker, source, sure, sureness } from "./parts.js";

export function relationships({ agent, query, signal }) {
  return loaded(() => meant(agent, { person: query.person }, signal), (known) => {
    const wanted = { person: known.person?.id ?? "" };
    const place = h("div");
    const run = () => {
      remember(wanted);
      fill(place, list("/api/v1/relationships", { query: { agent: agent.id, ...wanted }, signal, show: cards((each) => card(each, agent)), none: empty("No relationships yet", "They are learned when people tell how they stand to others: “Cleo is my sister.”") }));
    };
    run();
    return h("div", h("div.grid.narrow", personPicker(agent, { name: "Of", chosen: known.person, onchoose: (one) => { wanted.person = one?.id ?? ""; run(); } })), place);
  });
}

function card(first, agent) {
  const element = h("article.remembered");
  const draw = (item) => fill(element,
    h("div.row", h("b", person(item.from, agent)), "→", h("b", person(item.to, agent)), item.tags.length ? item.tags.map((tag) => badge(tag, "accent")) : h("span.dim", "know each other")),
    source(item.source, agent),
    h("div.row.small.dim", h("span", "Heard by ", item.heard_by, "."), sure(item.confidence), h("span", ago(item.updated_at))),
    h("div.row", h("button.link.small", { type: "button", onclick: () => correct(item, draw) }, "Correct"), action("Delete", () => remove(item, element), { kind: "link.small" })));
  draw(first);
  return element;
}

function correct(item, draw) {
  const tags = h("input", { value: item.tags.join(", "), maxlength: 1000 });
  const who = ears(item.audience, { name: item.from.name, place: item.source?.room });
  const certain = sureness(item.confidence);
  form(`${item.from.name || "Somebody"} → ${item.to.name || "somebody"}`, [field("What they are", tags, "Separated by commas: colleague, friend."), who.element, certain.element], async () => {
    const told = tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    const change = { tags: told.join() === item.tags.join() ? undefined : told, audience: who.get(), confidence: certain.get() };
    if (Object.values(change).every((each) => each === undefined)) return;
    draw(await patch(`/api/v1/relationships/${item.id}`, change));
    toast("Saved.", "good");
  });
}

async function remove(item, element) {
  if (!(await confirmed("Delete it?", h("p", `${item.from.name} → ${item.to.name}: ${item.tags.join(", ")}`), "Delete"))) return;
  await del(`/api/v1/relationships/${item.id}`);
  element.remove();
  toast("Deleted.", "good");
}
