// What the host is doing now, and what needs somebody's attention first.

import { fill, h } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { ago, bytes, money, number, plural, relative } from "../lib/format.js";
import { STATES, action, badge, busy, failure, panel, table, tile, toast } from "../lib/parts.js";
import { find } from "../lib/router.js";

const EVERY_MS = 3000;
const INSIDE = new Set(["web", "terminal"]);
const link = (address, words) => (find(new URL(address, location.href).pathname) ? h("a", { href: address }, words) : words);

export async function render(view, { signal }) {
  const trouble = h("div");
  const parts = new Map(PARTS.map(([name]) => [name, h("div")]));
  const waiting = busy();
  view.append(h("div.head", h("h1.grow", "Overview")), trouble, waiting, ...parts.values());
  const seen = new Map();
  let timer = 0;
  const refresh = async () => {
    clearTimeout(timer);
    try {
      const found = await get("/api/v1/overview", {}, { signal });
      waiting.remove();
      fill(trouble);
      for (const [name, look] of PARTS) update(parts.get(name), seen, name, look(found), refresh);
    } catch (error) {
      if (error.name === "AbortError") return;
      waiting.remove();
      fill(trouble, failure(error, refresh));
    }
    if (!signal.aborted && !document.hidden) timer = setTimeout(refresh, EVERY_MS);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  await refresh();
  return "Overview";
}

/** Draw a part anew when it tells something else; and now and then, as times pass, unless it is being used. */
function update(place, seen, name, [told, draw], refresh) {
  const now = JSON.stringify(told);
  const last = seen.get(name) ?? {};
  const minute = Math.floor(Date.now() / 15000);
  if (last.told === now && (last.minute === minute || place.contains(document.activeElement))) return;
  seen.set(name, { told: now, minute });
  fill(place, draw(told, refresh));
}

const platforms = (status) => status.connectors.filter((each) => !INSIDE.has(each.platform));

const PARTS = [
  ["attention", (found) => [{
    stopping: found.status.stopping,
    connectors: found.status.connectors.filter(troubled).map(({ name, state, error, since, held_until, held_because }) => ({ name, state, error, since, held_until, held_because })),
    agents: found.status.agents.filter((each) => !each.started),
    models: found.failing_models, hour: found.hour.failed_calls,
    messages: found.status.messages?.balanced === false,
    pairings: found.pairings, failed: found.failed, failedCount: found.day.failed, demonstrations: found.demonstrations,
  }, attention]],
  ["first", (found) => [{ platforms: platforms(found.status).length, agents: found.status.agents }, first]],
  ["numbers", (found) => [{
    hour: found.hour, day: found.day, inbox: found.status.inbox, outbox: found.status.outbox,
    lanes: found.status.lanes, memory: Math.round(found.status.memory_bytes / 1e6), started: found.status.started_at,
  }, numbers]],
  ["connectors", (found) => [found.status.connectors, connectors]],
  ["closed", (found) => [found.closed, closed]],
  ["agents", (found) => [found.status.agents.map(({ id, name, started, embeddings }) => ({ id, name, started, error: embeddings?.error ?? "" })), agents]],
];

const troubled = (each) => each.state === "failed" || each.state === "waiting" || Boolean(each.held_until);

/** What somebody should look at, the worst first. */
function attention(told, refresh) {
  const lines = [
    told.stopping ? line("warn", "The host is stopping.") : null,
    told.messages ? line("bad", "Messages do not add up: one may be lost. ", h("code", "python -m bot_host verify"), " says which.") : null,
    ...told.connectors.map(connectorLine),
    ...told.agents.map((agent) => line("warn", h("b", agent.name), " is not started, and answers nobody.")),
    ...told.models.map((model) => line("bad", "Calls to ", h("b", model.provider), ` fail: ${number(model.failed)} of ${plural(model.calls, "call")} today, ${number(told.hour)} in the last hour. Are its key, address and limits right?`)),
    ...told.pairings.map((each) => pairing(each, refresh)),
    told.failed.length ? failed(told.failed, told.failedCount) : null,
    told.demonstrations.length ? line("", h("b", told.demonstrations.join(", ")), told.demonstrations.length > 1 ? " answer" : " answers", " by fixed patterns, as a demonstration. For a real model put ", h("code", "OPENAI_API_KEY"), " into ", h("code", ".env"), " beside config.toml, or ", h("code", "base_url"), " into ", h("code", "[models.openai]"), ", and start the host again.") : null,
  ].filter(Boolean);
  return lines.length ? h("section", { "aria-label": "Needs attention" }, lines) : null;
}

const line = (kind, ...words) => h(`div.note${kind ? `.${kind}` : ""}`, words);

function connectorLine(each) {
  if (each.held_until) return line("warn", h("b", each.name), ` sends nothing until ${new Date(each.held_until).toLocaleTimeString()}: `, each.held_because || "its platform asked for that", ".");
  const words = each.state === "failed" ? " is off: " : " is not connected, and tries again: ";
  return line(each.state === "failed" ? "bad" : "warn", h("b", each.name), words, each.error || "no reason is known", " ", h("span.small", "(", ago(each.since), ")"));
}

function pairing(each, refresh) {
  const decide = (verb) => async () => {
    const answer = await post(`/api/v1/pairings/${encodeURIComponent(each.code)}/${verb}`);
    toast(answer.text, "good");
    await refresh();
  };
  const platform = each.account.split(":")[0];
  const who = each.name || each.user_id;
  return h("div.note.warn.asks", h("span.grow", h("b", who), ` (${platform} ${each.user_id}) asks to talk with the agent. Their code: `, h("code", each.code), h("span.small", ` · good for ${relative(each.expires_at)}`.replace(" in ", " "))),
    h("span.row", action("Approve", decide("approve"), { kind: "main" }), action("Deny", decide("deny"))));
}

function failed(rows, count) {
  const shown = rows.map((each) => h("li",
    link(each.run_id ? `/runs/${each.run_id}` : `/runs/row:${each.seq}`, each.reason || "no reason is known"), " ",
    h("span.dim.small", [each.person, each.room && `in ${each.room}`, each.source].filter(Boolean).join(" "), " ", ago(each.received_at))));
  return h("div.note.bad", h("b", `${plural(Math.max(count, rows.length), "message")} could not be answered in the last day`), h("ul.failed", shown),
    count > rows.length ? link("/runs?outcome=failed", "All of them") : null);
}

/** For those who have only just begun. */
function first(told) {
  if (told.platforms) return null;
  const agent = told.agents[0];
  const outside = (address, words) => h("a", { href: address, target: "_blank", rel: "noreferrer" }, words);
  const way = (name, ...words) => h("li", h("b", name), ": ", words);
  const restart = [", and start the host again."];
  return h("section.panel", h("h2", "Add a platform"),
    agent ? h("p", h("a", { href: `/chat/${encodeURIComponent(agent.id)}` }, `Talk to ${agent.name} right here`), ", or let people talk to it where they are. Tokens go into the file ", h("code", ".env"), " beside config.toml:") : h("p", "Tokens go into the file ", h("code", ".env"), " beside config.toml:"),
    h("ul.ways",
      way("Discord", "make an application on ", outside("https://discord.com/developers/applications", "discord.com/developers"), ", switch on Message Content Intent under Bot, put its token in as ", h("code", "DISCORD_BOT_TOKEN"), restart, " The link to invite it then stands here."),
      way("Telegram", "write /newbot to ", outside("https://t.me/BotFather", "@BotFather"), ", put the token in as ", h("code", "TELEGRAM_BOT_TOKEN"), restart),
      way("Slack", "make an app on ", outside("https://api.slack.com/apps", "api.slack.com/apps"), " from what ", h("code", "python -m bot_host slack-manifest"), " prints, put its tokens in as ", h("code", "SLACK_BOT_TOKEN"), " and ", h("code", "SLACK_APP_TOKEN"), restart)),
    h("p.dim.small", h("code", "python -m bot_host check"), " says whether a token works. README.md has each step."));
}

function numbers(told) {
  const { hour, day, lanes } = told;
  const inbox = told.inbox ?? {};
  const outbox = told.outbox ?? {};
  const pending = (inbox.waiting ?? 0) + (inbox.under_way ?? 0);
  const unsent = (outbox.waiting ?? 0) + (outbox.under_way ?? 0);
  const ends = (beats) => (beats.messages ? [`${number(beats.answered)} answered`, beats.failed ? `, ${number(beats.failed)} failed` : ""] : "none came in");
  const used = (beats) => (beats.calls ? [plural(beats.calls, "call"), `, ${plural(beats.tokens, "token")}`] : "no model was asked");
  return h("div.tiles.four",
    tile("Messages, last hour", number(hour.messages), ends(hour)),
    tile("Messages, last day", number(day.messages), ends(day)),
    tile("Cost, last hour", money(hour.cost), used(hour)),
    tile("Cost, last day", money(day.cost), [used(day), " · ", link("/costs", "Costs")]),
    tile("Waiting for an answer", number(pending), pending && inbox.oldest_at ? ["the oldest came ", ago(inbox.oldest_at)] : "nothing waits"),
    tile("To be sent", number(unsent), unsent && outbox.oldest_at ? ["the oldest is from ", ago(outbox.oldest_at)] : "all is sent"),
    tile("Rooms at work", number(lanes.rooms.working), `${number(lanes.rooms.waiting)} in line`),
    tile("Memory", bytes(told.memory * 1e6), ["started ", ago(told.started)]));
}

function connectors(found) {
  return panel("Connectors", table([
    { label: "Connector", cell: (each) => each.name },
    { label: "State", cell: (each) => [badge(each.state, STATES[each.state] ?? "warn"), " ", h("span.dim.small", ago(each.since))] },
    { label: "Account", cell: account },
    { label: "Agent", cell: (each) => each.agent },
    { label: "Last event", cell: (each) => [ago(each.last_event_at), " ", h("span.dim.small", each.events ? `of ${number(each.events)}` : "")] },
    { label: "Reconnects", num: true, cell: (each) => number(each.reconnects) },
    { label: "Last error", cell: (each) => (each.last_error ? h("span", each.last_error, " ", h("span.dim.small", ago(each.last_error_at))) : h("span.dim", "none")) },
  ], found, { label: "Connectors" }).element);
}

function account(each) {
  if (!each.label && !each.account) return h("span.dim", "not logged in");
  const name = each.label || each.account;
  return each.link ? h("span", name, " ", h("a.small", { href: each.link, target: "_blank", rel: "noreferrer" }, each.platform === "discord" ? "Invite it" : "Find it")) : name;
}

function closed(found) {
  if (!found.length) return null;
  return panel("Rooms that take nothing", h("p.dim", "What is said there is not sent. A room opens by itself when somebody writes there again."), table([
    { label: "Room", cell: (each) => (each.room_id ? link(`/rooms/${each.room_id}`, each.name || "A room without a name") : each.destination) },
    { label: "Platform", cell: (each) => each.account.split(":")[0] },
    { label: "Why", cell: (each) => each.reason },
    { label: "Since", cell: (each) => ago(each.closed_at) },
  ], found, { label: "Closed rooms" }).element);
}

const agents = (found) => panel("Agents", h("div.row", found.map((agent) => h("span", link(`/agents/${agent.id}`, agent.name), " ", badge(agent.started ? "running" : "stopped", agent.started ? "good" : ""), agent.error ? [" ", badge(agent.error, "warn")] : null))));
