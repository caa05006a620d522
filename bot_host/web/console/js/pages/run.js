// One message: what was said, what became of it and why, how long each step took, what the model saw.

import { fill, h, svg } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { duration, full, money, number, plural, when } from "../lib/format.js";
import { badge, busy, empty, facts, failure, panel, table } from "../lib/parts.js";
import { markdown } from "../lib/markdown.js";
import { address, copy, outcome } from "./runs.js";

const EVERY_MS = 1000;
const ROLES = { system: "System prompt", user: "Said to the agent", assistant: "Said by the agent", tool: "Result of an action" };

export async function render(view, { params, signal }) {
  const place = h("div", busy());
  view.append(place);
  let before = "";
  let timer = 0;
  const opened = new Set();
  const refresh = async () => {
    try {
      const told = await get(`/api/v1/runs/${encodeURIComponent(params.id)}`, {}, { signal });
      const now = JSON.stringify(told);
      if (now !== before && !String(getSelection())) {
        before = now;
        const focused = document.activeElement?.dataset?.key;
        fill(place, draw(told, opened));
        if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      }
      if (told.live && !signal.aborted) timer = setTimeout(refresh, document.hidden || told.finished_at || told.kind !== "message" ? EVERY_MS * 5 : EVERY_MS);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (before && (error.status === 0 || error.status >= 500)) { timer = setTimeout(refresh, EVERY_MS * 5); return; }
      fill(place, error.status === 409 ? several(error) : error.status === 404 ? unknown(error) : failure(error, refresh));
    }
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  await refresh();
  return "Run";
}

const back = () => h("p", h("a", { href: "/runs" }, "All runs"));

function several(error) {
  const [words, ...found] = error.message.split("; ").filter((each) => each !== "say which");
  return [h("h1", "Which one?"), h("p", words), h("ul", found.map((line) => h("li", h("a", { href: address(line.split("  ")[0]) }, line)))), back()];
}

const unknown = (error) => [h("h1", "Not known"), empty("There is no such message here", h("p", error.message), back())];

function draw(told, opened) {
  const message = told.message;
  const title = message.from ? `${message.from}: ` : "";
  const words = message.full_text ?? message.text;
  const refused = told.kind === "skipped";
  return [
    h("div.head", h("div.grow", h("p.dim.small.crumb", h("a", { href: "/runs" }, "Runs")), h("h1.clip", `${title}${message.text || (refused ? "A message that was not let in" : words === null ? "A message that is not kept" : "no text")}`)),
      told.live ? badge("live", "accent") : null,
      h("button", { type: "button", data: { key: "copy" }, onclick: () => copy(new URL(address(told.id), location.href).href) }, "Copy link")),
    verdict(told),
    h("div.run-two",
      panel("Message", spoken(words, message), about(told)),
      told.kind !== "message" ? null : panel("Answer", answers(told))),
    told.run ? panel("Timeline", timeline(told)) : null,
    told.actions?.length ? panel("Actions", told.actions.map((each, i) => deed(each, i, opened))) : null,
    told.model_calls?.length ? panel("Model calls", models(told)) : null,
    told.prompts ? panel("What the model saw", prompts(told.prompts, opened)) : null,
    told.deliveries?.length ? panel("Deliveries", deliveries(told.deliveries)) : null,
  ];
}

function verdict(told) {
  const kind = { answered: "good", failed: "bad", said: "good" }[told.outcome] ?? "";
  return h("section.panel.verdict", { "aria-label": "Outcome" },
    h("div.row", told.outcome === "said" ? badge("said unasked", kind) : outcome(told), h("b", told.reason)),
    told.rule ? h("p", sentence(told.rule)) : null,
    told.settings?.length ? h("ul", told.settings.map((line) => h("li", h("code", line)))) : null,
    told.way_out ? h("p", h("b", "What to do: "), told.way_out) : null,
    told.run?.error ? h("p.note.bad", told.run.error) : null,
    told.run?.together?.length ? h("p.dim", "Ended together with ", told.run.together.map((row) => [h("a", { href: address(row) }, row), " "])) : null);
}

const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

function spoken(words, message) {
  return [
    words ? h("div.plain-text.said", words) : h("p.dim", words === null || words === undefined ? "Its text is not kept." : "It has no text."),
    files(message.attachments),
    message.edits ? h("p.dim.small", `Edited ${plural(message.edits, "time")}; this is how it reads now.`) : null,
  ];
}

const files = (found) => (found?.length ? h("ul", found.map((each) => h("li", each.url ? h("a", { href: each.url, target: "_blank", rel: "noopener noreferrer" }, each.name) : each.name))) : null);
const time = (iso) => (iso ? h("time", { datetime: iso }, full(iso)) : null);

function about(told) {
  const { message, where } = told;
  const room = where.room || (where.room_type === "DM" ? "private chat" : where.room_id);
  const chat = told.chat ? h("a", { href: `/chat/${encodeURIComponent(told.chat.agent)}/${encodeURIComponent(told.chat.conversation)}` }, "open the chat") : null;
  return facts([
    ["Room", where.room_id ? [h("a", { href: `/rooms/${where.room_id}` }, room), where.world ? ` in ${where.world}` : "", where.room_type ? h("span.dim", ` (${where.room_type.toLowerCase()}) `) : " ", chat] : room],
    ["Agent", where.agent],
    ["Account", [where.account, where.table ? h("span.dim", ` [${where.table}]`) : null]],
    ["Came by", where.caller],
    ["Caller's ids", where.given ? Object.entries(where.given).map(([key, value]) => `${key} ${value}`).join(", ") : null],
    ["Channel", where.channel_id ? h("code", [where.channel_id, where.thread_id].filter(Boolean).join(" / ")) : null],
    ["Sent", time(message.sent_at)],
    ["Received", time(message.received_at)],
    ["Ended", time(told.finished_at)],
    ["Attempts", told.attempts > 1 ? number(told.attempts) : null],
    ["On the platform", message.link ? h("a", { href: message.link, target: "_blank", rel: "noopener noreferrer" }, "the message itself") : null],
    ["Platform id", message.id && message.id !== message.memory_id ? h("code", message.id) : null],
    ["Memory", message.memory_id ? h("code", message.memory_id) : null],
    ["Run", told.run ? h("code", told.run.id) : null],
    ["Row", told.row ? h("code", `row:${told.row}`) : null],
  ]);
}

function answers(told) {
  if (told.replies?.length) {
    return told.replies.map((each) => h("div.stack", h("div.said", each.text ? markdown(each.tree) : h("span.dim", "no text")), files(each.attachments), h("p.dim.small", when(each.at), each.edits ? `, edited ${plural(each.edits, "time")}` : "")));
  }
  if (told.live) return h("p.dim", "Not yet.");
  return h("p.dim", told.outcome === "answered" ? "What was said is not kept any more." : "Nothing was said.");
}

/** Bars on one scale: the wait in line, the steps one after the other, and the way out. */
function timeline(told) {
  const run = told.run;
  const began = run.started_at ? Date.parse(run.started_at) : Date.parse(told.message.received_at) + run.waited_ms;
  let at = 0;
  const rows = told.steps.map((step) => {
    const start = step.at ?? at;
    at = start + step.ms;
    return { name: step.name, start, ms: step.ms, notes: notes(step), bad: step.error || step.success === false };
  });
  if (run.status === "running") rows.push({ name: "under way", start: at, ms: Math.max(0, run.took_ms - at), notes: "", live: true });
  for (const part of told.deliveries ?? []) {
    if (part.sent_at) rows.push({ name: `delivery ${part.part}`, start: Date.parse(part.created_at) - began, ms: part.took_ms, notes: part.platform_message_id ?? "", out: true });
  }
  const end = Math.max(run.took_ms, ...rows.map((row) => row.start + row.ms), 1);
  const early = Math.min(0, ...rows.map((row) => row.start));
  const scale = 1000 / (end - early);
  const bar = (row) => svg("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 4.5, width: 1000, height: 1, class: "bar-rail" }),
    svg("rect", { x: Math.min(996, (row.start - early) * scale).toFixed(1), y: 0, width: Math.max(4, row.ms * scale).toFixed(1), height: 10, class: row.bad ? "bar-bad" : row.out ? "bar-out" : row.live ? "bar-live" : "bar-step" }));
  const body = rows.map((row) => h("li.step", h("span.step-name", row.name), bar(row), h("span.step-ms", duration(row.ms)), row.notes ? h("span.step-notes.dim.small", row.notes) : null));
  return [
    h("p.dim", `Waited ${duration(run.waited_ms)} for its turn, which ${run.status === "running" ? "has taken" : "took"} ${duration(run.took_ms)}${run.status === "running" ? " so far" : ""}`, told.tokens ? `; ${number(told.tokens)} tokens, ${told.cost ? money(told.cost) : "cost not known"}` : "", "."),
    body.length ? h("ol.steps", body) : h("p.dim", "Its steps are not kept."),
  ];
}

function notes(step) {
  return Object.entries(step).filter(([key, value]) => !["name", "at", "ms"].includes(key) && value !== "" && !(Array.isArray(value) && !value.length))
    .map(([key, value]) => `${key.replaceAll("_", " ")}: ${Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : value}`).join("; ");
}

/** Something to unfold, which stays open when the page is drawn anew. */
function fold(key, opened, summary, make) {
  const body = h("div.fold");
  const element = h("details", { open: opened.has(key) }, h("summary", { data: { key } }, summary), body);
  if (opened.has(key)) fill(body, make());
  element.addEventListener("toggle", () => {
    if (element.open && !body.childNodes.length) fill(body, make());
    if (element.open) opened.add(key); else opened.delete(key);
  });
  return element;
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

const block = (text) => h("pre.block", { tabindex: "0" }, text);

function deed(each, index, opened) {
  const kind = each.success === true ? "good" : each.success === false ? "bad" : "";
  const state = each.success === false ? "failed" : each.state;
  return fold(`action ${index}`, opened, [h("b", each.name), " ", badge(state, kind), " ", h("span.dim.small", each.took_ms === null ? "" : `over ${duration(each.took_ms)} after it was asked for`, each.edition ? ", after an edit" : "", `, round ${each.round}`)], () => [
    each.said ? [h("h3", "Said with it"), block(each.said)] : null,
    h("h3", "Arguments"), block(pretty(each.arguments) || "none"),
    each.error ? [h("h3", "What went wrong"), h("p.note.bad", each.error)] : null,
    each.result ? [h("h3", "Result"), block(each.result)] : null,
  ]);
}

function models(told) {
  return table([
    { label: "Kind", cell: (each) => each.type },
    { label: "Model", cell: (each) => [each.provider, " ", h("b", each.model ?? "")] },
    { label: "In", num: true, cell: (each) => number(each.prompt_tokens) },
    { label: "Out", num: true, cell: (each) => number(each.completion_tokens) },
    { label: "Cost", num: true, cell: (each) => money(each.cost || (each.prompt_tokens ? null : 0)) },
    { label: "Took", num: true, cell: (each) => duration(each.ms ?? 0) },
    { label: "Error", cell: (each) => (each.error ? h("span.note.bad.small", each.error) : "") },
  ], told.model_calls, { label: "Model calls" }).element;
}

function prompts(found, opened) {
  if (!found.kept) return h("p.dim", found.why ? `The prompts are not kept: ${found.why}.` : "Nothing yet.");
  const said = found.providers.filter((each) => each.text || each.error);
  const quiet = found.providers.filter((each) => !each.text && !each.error);
  return [
    found.calls.map((call, i) => fold(`call ${i}`, opened, [h("b", `Prompt ${i + 1}`), " ", h("span.dim.small", [call.type, call.model, plural(call.messages.length, "message"), call.ms === null ? "under way" : duration(call.ms)].filter(Boolean).join(", ")), call.error ? badge("failed", "bad") : null], () => prompt(call, found.texts, `call ${i}`, opened))),
    said.length ? h("h3", "Providers") : null,
    said.map((each, i) => fold(`provider ${i} ${each.name}`, opened, [h("b", each.name), " ", each.error ? badge(each.error, "bad") : h("span.dim.small", `${plural(each.text.length, "character")}, ${duration(each.ms)}`)], () => block(each.text || each.error))),
    quiet.length ? h("p.dim.small", "Had nothing to say: ", quiet.map((each) => each.name).join(", "), ".") : null,
  ];
}

function prompt(call, texts, key, opened) {
  return [
    Object.keys(call.settings).length ? h("p.dim.small", notes(call.settings)) : null,
    call.messages.map((message, i) => fold(`${key} message ${i}`, opened, [badge(message.role), " ", ROLES[message.role] ?? "", " ", h("span.dim.small.one-line", texts[message.text].slice(0, 90))], () => [
      texts[message.text] ? block(texts[message.text]) : null,
      (message.tool_calls ?? []).map((each) => block(`${each.name} ${pretty(each.arguments)}`)),
    ])),
    call.tools.length ? h("p.small", h("span.dim", "Actions offered: "), call.tools.join(", ")) : null,
    h("h3", "Answer"),
    call.error ? h("p.note.bad", call.error) : null,
    call.text ? block(call.text) : null,
    call.tool_calls.map((each) => block(`${each.name} ${pretty(each.arguments)}`)),
    call.ms === null && !call.error ? h("p.dim", "Not yet.") : null,
  ];
}

function deliveries(found) {
  return table([
    { label: "Part", cell: (each) => h("span.nowrap", `${each.part} of ${each.parts}`, each.operation === "send" ? "" : h("span.dim", ` ${each.operation}`)) },
    { label: "State", cell: (each) => h("div", badge(each.state, { sent: "good", failed: "bad" }[each.state] ?? "accent"), each.error ? h("span.small", " ", each.error) : null) },
    { label: "To", cell: (each) => each.destination },
    { label: "Platform id", cell: (each) => (each.platform_message_id ? h("code", each.platform_message_id) : "") },
    { label: "Attempts", num: true, cell: (each) => number(each.attempts) },
    { label: "Sent", cell: (each) => (each.sent_at ? when(each.sent_at) : each.not_before ? ["not before ", when(each.not_before)] : "") },
    { label: "Within", num: true, cell: (each) => (each.took_ms === null ? "" : duration(each.took_ms)) },
    { label: "Outbox", cell: (each) => h("code.nowrap", `outbox:${each.outbox}`) },
  ], found, { label: "Deliveries" }).element;
}
