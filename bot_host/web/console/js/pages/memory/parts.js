// What the parts of the memory page share.

import { fill, h } from "../../lib/dom.js";
import { del, get, patch } from "../../lib/api.js";
import { number, when } from "../../lib/format.js";
import { action, badge, confirmed, field, toast } from "../../lib/parts.js";
import { find } from "../../lib/router.js";

export const KINDS = { message: "message", fact: "fact", fragment: "part of a document", document: "document", description: "description", custom: "note" };
const CORRECTABLE = ["fact", "description", "custom"];
const OF_SOURCES = ["fragment", "document"];

/** A link where there is such a page, else the words alone. */
export const link = (address, ...words) => (find(address) ? h("a", { href: address }, words) : h("span", words));

export const person = (who, agent) => (who.agent ? `${who.name} (the agent)` : who.id ? h("a", { href: `/memory?agent=${agent.id}&tab=people&person=${who.id}` }, who.name || "somebody") : who.name);

export function room(place) {
  if (!place) return "a room that is gone";
  const name = place.private ? "a private chat" : place.name || "a room without a name";
  return place.source === "knowledge" ? "knowledge" : link(`/rooms/${place.id}`, name, place.world && !place.private ? ` · ${place.world}` : "");
}

/** A text field that finds what is meant: `{ load(text) → items, words(item), chosen, onchoose(item or null) }`. */
export function picker(name, { load, words, chosen = null, onchoose, hint }) {
  const id = `list-${crypto.randomUUID()}`;
  const options = h("datalist", { id });
  const input = h("input", { type: "text", list: id, autocomplete: "off", value: chosen ? words(chosen) : "" });
  let known = chosen ? [chosen] : [];
  let timer = 0;
  const look = async (text) => {
    try { known = await load(text); } catch (error) { if (error.name !== "AbortError") toast(error.message, "bad"); return; }
    fill(options, known.map((each) => h("option", { value: words(each) })));
  };
  input.addEventListener("focus", () => { if (!options.childElementCount) look(input.value); });
  input.addEventListener("input", () => {
    input.setCustomValidity("");
    clearTimeout(timer);
    const exact = known.find((each) => words(each) === input.value);
    if (exact) { onchoose(exact); return; }
    timer = setTimeout(() => look(input.value), 200);
  });
  input.addEventListener("change", async () => {
    clearTimeout(timer);
    const text = input.value.trim();
    if (!text) { onchoose(null); return; }
    let found = known.find((each) => words(each) === text);
    if (!found) {
      await look(text);
      found = known.find((each) => words(each) === text) ?? (known.length === 1 ? known[0] : null);
    }
    if (found) { input.value = words(found); onchoose(found); return; }
    onchoose(null);
    input.setCustomValidity(known.length ? "Choose one of the list." : "There is no such one.");
    input.reportValidity();
  });
  return h("div", field(name, input, hint), options);
}

export const roomWords = (place) => (place.private ? `${place.name || "somebody"} (private, ${place.source})` : [place.name || place.id, place.world].filter(Boolean).join(" · "));
export const personWords = (each) => [each.name || each.id, ...each.accounts.slice(0, 1).map((one) => `(${one.platform} ${one.id})`)].join(" ");

export const roomPicker = (agent, more) => picker(more.name, { ...more, words: roomWords, load: async (q) => (await get("/api/v1/memories/rooms", { agent: agent.id, q })).items });
export const personPicker = (agent, more) => picker(more.name, { ...more, words: personWords, load: async (q) => (await get("/api/v1/people", { agent: agent.id, q: q.replace(/ \(.*\)$/, ""), count: 20 })).items });

/** Who and where is named by an address: items for the pickers. */
export async function meant(agent, { person: who, heard }, signal) {
  const [one, place] = await Promise.all([
    who ? get("/api/v1/people", { agent: agent.id, q: who }, { signal }) : { items: [] },
    heard ? get("/api/v1/memories/rooms", { agent: agent.id, id: heard }, { signal }) : { items: [] },
  ]);
  return { person: one.items[0] ?? null, room: place.items[0] ?? null };
}

/** A form in a dialog; `save()` may throw, and then it stays open. */
export function form(title, words, save, { action: name = "Save", kind = "main" } = {}) {
  const problem = h("p.note.bad", { role: "alert", hidden: true });
  const button = h(`button.${kind}`, name);
  const dialog = h("dialog", { "aria-label": title }, h("form", { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try { await save(); dialog.close(); } catch (error) { problem.textContent = error.message; problem.hidden = false; } finally { button.disabled = false; }
  } }, h("h2", title), problem, words, h("div.row", button, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Who may hear of it, to choose: narrowest first. */
export function ears(now, { name, place }) {
  const where = place && !place.private ? place.name || "the room" : "the private chat";
  const choices = [
    ["entity", `Only ${name || "who told it"}, in private`],
    ["room", `Whoever is in ${where}`],
    ["world", place?.world ? `Everybody in ${place.world}, while the room is open to all of it` : "Everybody in its server, while the room is open to all of it"],
    ["agent", "Everybody whom the agent talks with"],
  ];
  const wide = h("span.hint", { hidden: true }, "Wider than before: others will hear of it.");
  const select = h("select", { onchange: () => { wide.hidden = choices.findIndex(([key]) => key === select.value) <= choices.findIndex(([key]) => key === now); } },
    now ? null : h("option", { value: "", selected: true }, "As the room is"), choices.map(([key, words]) => h("option", { value: key, selected: key === now }, words)));
  return { element: h("label.field", "Who may hear of it", select, wide), get: () => (select.value && select.value !== now ? select.value : undefined) };
}

/** How sure it is, to choose. */
export function sureness(now) {
  const first = Math.round((now ?? 1) * 100) / 100;
  const input = h("input", { type: "number", min: 0, max: 1, step: "any", value: first, required: true });
  return { element: field("How sure it is", input, "From 0 (not at all) to 1 (certain)."), get: () => (Number(input.value) === first ? undefined : Number(input.value)) };
}

export const sure = (value) => (value === null || value === undefined ? null : h("span", `${number(value * 100)} % sure`));

/** What something was learned from. */
export function source(from, agent) {
  if (!from) return null;
  if (OF_SOURCES.includes(from.type)) return h("div.small.dim", "From “", from.text, "”");
  return h("div.small.dim", "From what ", person(from.person, agent), " said ", when(from.created_at), ": ", link(`/runs/${from.id}`, `“${from.text || "…"}”`));
}

/** One memory. It puts itself right, and goes when it is deleted. */
export function memory(first, agent) {
  const element = h("article.remembered");
  const draw = (item) => {
    const found = [item.words && `words, place ${item.words.place}`, item.meaning && `meaning, place ${item.meaning.place} (${number(item.meaning.similarity, 2)})`].filter(Boolean).join(" · ");
    fill(element,
      h("div.row.small", badge(KINDS[item.type] ?? item.type, item.type === "fact" ? "accent" : ""), person(item.person, agent), item.about ? h("span", "about ", person(item.about, agent)) : null, h("span.dim", "in ", room(item.room)), h("span.dim", when(item.created_at)), item.edited ? h("span.dim", "edited") : null, sure(item.confidence)),
      h("p.plain-text", item.text || h("span.dim", "no words")),
      source(item.source, agent),
      h("div.small.dim", "Heard by ", item.heard_by, "."),
      found ? h("div.small.dim", `Found by ${found}`) : null,
      OF_SOURCES.includes(item.type) ? null : h("div.row",
        h("button.link.small", { type: "button", onclick: () => correct(item, draw) }, CORRECTABLE.includes(item.type) ? "Correct" : "Change who hears it"),
        action("Delete", () => remove(item, element), { kind: "link.small" })));
  };
  draw(first);
  return element;
}

function correct(item, draw) {
  const words = CORRECTABLE.includes(item.type) ? h("textarea", { rows: 3, required: true, maxlength: 2000, value: item.text }) : null;
  const who = ears(item.audience, { name: item.person.name, place: item.room });
  const certain = item.type === "fact" ? sureness(item.confidence) : null;
  form(words ? "Correct" : "Who may hear of it", [words ? field("What is true", words) : h("p.plain-text", item.text), who.element, certain?.element], async () => {
    const change = { text: words && words.value !== item.text ? words.value : undefined, audience: who.get(), confidence: certain?.get() };
    if (Object.values(change).every((each) => each === undefined)) return;
    const now = await patch(`/api/v1/memories/${item.id}`, change);
    draw({ ...item, ...now });
    toast("Saved.", "good");
  });
}

async function remove(item, element) {
  const sure = await confirmed("Delete it?", [h("p.plain-text", item.text), h("p.dim", item.type === "message" ? "What was learned from it goes, too. On the platform the message stays." : "The agent forgets it for good.")], "Delete");
  if (!sure) return;
  await del(`/api/v1/memories/${item.id}`);
  element.remove();
  toast("Deleted.", "good");
}

/** For `list`: cards one below the other. */
export const cards = (make) => (rows) => {
  const element = h("div.panel.remembered-list");
  const add = (more) => element.append(...more.map(make));
  add(rows);
  return { element, add };
};
