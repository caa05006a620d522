// What came in and what became of it; what agents said unasked; what was not let in.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { duration, money, number, plural, when } from "../lib/format.js";
import { OUTCOMES, badge, empty, failure, list, table, tabs, toast } from "../lib/parts.js";
import { go, remember } from "../lib/router.js";

const EVERY_MS = 4000;
const TABS = ["", "unasked", "skipped"];
const SINCE = [["", "Any time"], ["3600", "Last hour"], ["86400", "Last day"], ["604800", "Last 7 days"], ["2592000", "Last 30 days"]];
const OUTCOME = [["", "Any outcome"], ["answered", "Answered"], ["ignored", "Ignored"], ["failed", "Failed"], ["superseded", "Superseded"], ["waiting", "Waiting or running"]];
const KEYS = { "": ["agent", "account", "outcome", "since", "reason", "text", "room", "person"], unasked: ["agent", "account", "since", "text"], skipped: ["account", "since", "reason"] };

export const outcome = (each) => badge(each.outcome, each.outcome === "running" || each.outcome === "waiting" ? "accent" : OUTCOMES[each.outcome] ?? "");
export const address = (id) => `/runs/${encodeURIComponent(id)}`;

export async function render(view, { query, signal }) {
  const choices = await get("/api/v1/runs/choices", {}, { signal });
  const find = h("input", { type: "search", placeholder: "Link or id of a message", "aria-label": "Find a message by its link or id", class: "run-find" });
  view.append(h("div.head", h("h1.grow", "Runs"),
    h("form.row", { onsubmit: (event) => { event.preventDefault(); if (find.value.trim()) go(address(find.value.trim())); } }, find, h("button", "Why?"))));
  const filters = { ...query };
  const chosen = Math.max(0, TABS.indexOf(query.list ?? ""));
  let stop = null;
  const part = (name) => () => {
    stop?.abort();
    stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort());
    return show(name, { filters, choices, signal: stop.signal });
  };
  view.append(tabs([["Messages", part("")], ["Said unasked", part("unasked")], ["Not let in", part("skipped")]], {
    chosen, onchoose: (index) => remember({ list: TABS[index] }),
  }));
  return "Runs";
}

function show(name, { filters, choices, signal }) {
  const place = h("div");
  const news = h("div", { "aria-live": "polite" });
  const bar = h("form.filters", { onsubmit: (event) => event.preventDefault() });
  const asked = () => {
    const given = Object.fromEntries(KEYS[name].map((key) => [key, filters[key]]));
    if (given.since) given.since = new Date(Date.now() - Number(given.since) * 1000).toISOString();
    return given;
  };
  const change = (more) => {
    const focused = document.activeElement?.getAttribute("aria-label");
    Object.assign(filters, more);
    remember(filters);
    fill(bar, controls(name, filters, choices, change));
    if (focused) bar.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    load();
  };
  const load = () => {
    fill(news);
    fill(place, name ? simple(name, asked(), change, signal) : look(asked(), change, choices.agents.length > 1, signal, news));
  };
  fill(bar, controls(name, filters, choices, change));
  load();
  return h("div", bar, news, place);
}

function controls(name, filters, choices, change) {
  const select = (key, label, options) => h("select", { "aria-label": label, onchange: (event) => change({ [key]: event.target.value }) },
    options.map(([value, words]) => h("option", { value, selected: (filters[key] ?? "") === value }, words)));
  const text = (key, label, options) => {
    const input = h("input", { type: "search", value: filters[key] ?? "", placeholder: label, "aria-label": label, list: options ? `runs-${key}` : null });
    input.addEventListener("change", () => change({ [key]: input.value.trim() }));
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); if (input.value.trim() !== (filters[key] ?? "")) change({ [key]: input.value.trim() }); } });
    return options ? [input, h("datalist", { id: `runs-${key}` }, options.map((value) => h("option", { value })))] : input;
  };
  const has = (key) => KEYS[name].includes(key);
  const reasons = choices.reasons.filter((each) => (each.outcome === "skipped") === (name === "skipped")).map((each) => each.reason);
  const narrowed = KEYS[name].some((key) => filters[key]);
  return [
    has("agent") && choices.agents.length > 1 ? select("agent", "Agent", [["", "Any agent"], ...choices.agents.map((each) => [each.id, each.name])]) : null,
    has("account") ? select("account", "Where from", places(choices, filters.account)) : null,
    has("outcome") ? select("outcome", "Outcome", OUTCOME) : null,
    has("since") ? select("since", "Since when", SINCE) : null,
    has("reason") ? text("reason", "Reason", [...new Set(reasons)]) : null,
    has("text") ? text("text", "Words in it") : null,
    has("room") && filters.room ? chip("Room", filters.roomName, () => change({ room: "", roomName: "" })) : null,
    has("person") && filters.person ? chip("Person", filters.personName, () => change({ person: "", personName: "" })) : null,
    narrowed ? h("button.quiet", { type: "button", onclick: () => change(Object.fromEntries(["roomName", "personName", ...KEYS[name]].map((key) => [key, ""]))) }, "Show all") : null,
  ];
}

function places(choices, now) {
  const platforms = [...new Set(choices.accounts.map((each) => each.account.split(":")[0]))];
  const found = [["", "Anywhere"], ...platforms.map((each) => [each, title(each)])];
  for (const platform of platforms) {
    const mine = choices.accounts.filter((each) => each.account.startsWith(`${platform}:`));
    if (mine.length > 1) for (const each of mine) found.push([each.account, `${title(platform)}: ${each.label || each.name}`]);
  }
  found.push(["local", "HTTP API and library"]);
  if (now && !found.some(([value]) => value === now)) found.push([now, now]);
  return found;
}

const title = (word) => word.charAt(0).toUpperCase() + word.slice(1);
const chip = (kind, name, remove) => h("span.badge.accent.chip", `${kind}: ${name || "chosen"}`, h("button.link", { type: "button", "aria-label": `All ${kind === "Room" ? "rooms" : "people"} again`, onclick: remove }, "×"));

/** The messages. A look back may find nothing for a while: it can be taken up again from there. */
function look(asked, change, many, signal, news) {
  const place = h("div", h("div.busy", { role: "status" }, "Looking …"));
  let shown = null;
  let newest = "";
  let pages = 0;
  const load = async (after) => {
    place.querySelector(".look-on")?.remove();
    try {
      const found = await get("/api/v1/runs", { ...asked, after }, { signal });
      pages += 1;
      if (!after) newest = JSON.stringify(found.items);
      if (!shown && found.items.length) { shown = draw(found.items, change, many); fill(place, shown.element); }
      else if (shown) shown.add(found.items);
      else fill(place);
      place.append(h("div.look-on", more(found, load, shown, Object.values(asked).some(Boolean))));
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!shown) fill(place);
      place.append(h("div.look-on", failure(error, () => load(after))));
    }
  };
  load("");
  const timer = setInterval(async () => {
    if (document.hidden || !newest) return;
    try {
      const found = await get("/api/v1/runs", asked, { signal });
      if (JSON.stringify(found.items) === newest) return;
      const known = new Set(JSON.parse(newest).map((each) => each.id));
      const fresh = found.items.filter((each) => !known.has(each.id)).length;
      if (pages > 1 || place.contains(document.activeElement) || String(getSelection())) {
        if (fresh) fill(news, h("button", { type: "button", onclick: () => change({}) }, `Show ${plural(fresh, "newer message")}`));
        return;
      }
      newest = JSON.stringify(found.items);
      shown = found.items.length ? draw(found.items, change, many) : null;
      fill(place, shown?.element, h("div.look-on", more(found, load, shown, Object.values(asked).some(Boolean))));
    } catch { /* the next time */ }
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return place;
}

function more(found, load, shown, narrowed) {
  if (found.next && found.back_to) {
    return [h("p.dim", shown ? "Nothing more" : "Nothing like this", " since ", when(found.back_to), "."), h("button.more", { type: "button", onclick: () => load(found.next) }, "Look further back")];
  }
  if (found.next) return h("button.more", { type: "button", onclick: () => load(found.next) }, "Show more");
  if (shown) return null;
  return narrowed
    ? empty("No message is like this", h("p", "Take a filter away to see more."))
    : empty("No message has come in yet", h("p", "Write to the bot on its platform, or ", h("a", { href: "/chat" }, "talk to an agent right here"), ". What a connector did not let in stands under ", h("b", "Not let in"), "."));
}

function draw(items, change, many) {
  const shown = table(columns(change, many), items, { open: (each) => address(each.id), label: "Messages" });
  shown.element.classList.add("runs-list");
  return shown;
}

const only = (words, hint, pick) => h("button.link.clip", { type: "button", title: hint, onclick: pick }, words);

const columns = (change, many) => [
  { label: "Time", cell: (each) => when(each.received_at) },
  { label: "Outcome", cell: (each) => h("div", outcome(each), each.reason ? h("span.dim.small.clip", { title: each.reason }, each.reason) : null) },
  { label: "Message", cell: (each) => (each.text === null ? h("span.dim", "not kept") : each.text ? h("span.clip", each.text) : h("span.dim", "no text")) },
  { label: "From", cell: (each) => (each.sender ? only(each.sender.name || "no name", "Only this person", () => change({ person: each.sender.id, personName: each.sender.name })) : h("span.dim", "erased")) },
  { label: "Where", cell: (each) => h("div", h("span.dim.small", each.platform, " "), each.room ? only(each.room.name || "private", "Only this room", () => change({ room: each.room.id, roomName: each.room.name })) : h("span.dim", "room deleted")) },
  many ? { label: "Agent", cell: (each) => h("span.clip", each.agent.name) } : null,
  { label: "Took", num: true, cell: (each) => (each.took_ms === null ? "" : duration(each.took_ms)) },
  { label: "Tokens", num: true, cell: (each) => (each.tokens ? number(each.tokens) : "") },
  { label: "Cost", num: true, cell: (each) => (each.model_calls ? money(each.cost || (each.tokens ? null : 0)) : "") },
].filter(Boolean);

function simple(name, asked, change, signal) {
  const unasked = name === "unasked";
  return list(`/api/v1/runs/${name}`, {
    query: asked, signal, open: (each) => address(each.id), label: unasked ? "Said unasked" : "Not let in",
    none: Object.values(asked).some(Boolean)
      ? empty("Nothing is like this", h("p", "Take a filter away to see more."))
      : unasked
        ? empty("Nothing was said unasked", h("p", "What schedules, tasks and plugins say stands here, and what callers have an agent say."))
        : empty("Nothing was turned away", h("p", "Messages that a connector does not let in stand here: from bots, from people and places that are not allowed, and the like.")),
    columns: unasked ? [
      { label: "Time", cell: (each) => when(each.created_at) },
      { label: "State", cell: (each) => h("div", badge(each.state, { sent: "good", failed: "bad" }[each.state] ?? "accent"), each.error ? h("span.small", " ", each.error) : null) },
      { label: "Message", cell: (each) => (each.text === null ? h("span.dim", "not kept") : h("span.clip", each.text)) },
      { label: "Where", cell: (each) => h("div", h("span.dim.small", each.platform, " "), each.room ? each.room.name || "private" : each.destination.split("/").slice(1).join("/")) },
      { label: "Agent", cell: (each) => each.agent.name },
    ] : [
      { label: "Time", cell: (each) => when(each.at) },
      { label: "Reason", cell: (each) => only(each.reason, "Only this reason", () => change({ reason: each.reason })) },
      { label: "Account", cell: (each) => each.account },
      { label: "Message", cell: (each) => h("code", each.event_key) },
    ],
  });
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); toast("Copied", "good"); } catch { toast(text); }
}
