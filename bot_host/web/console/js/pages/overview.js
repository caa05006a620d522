// What the host is doing now.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { ago, bytes, number, plural } from "../lib/format.js";
import { STATES, badge, busy, empty, failure, panel, table, tile } from "../lib/parts.js";

const EVERY_MS = 3000;

export async function render(view, { signal }) {
  const place = h("div", busy());
  view.append(h("div.head", h("h1.grow", "Overview")), place);
  let timer = 0;
  const refresh = async () => {
    try {
      fill(place, draw(await get("/api/v1/status", {}, { signal })));
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(place, failure(error, refresh));
    }
    if (!signal.aborted) timer = setTimeout(refresh, document.hidden ? EVERY_MS * 5 : EVERY_MS);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  await refresh();
  return "Overview";
}

function draw(status) {
  const inbox = status.inbox ?? {};
  const outbox = status.outbox ?? {};
  const messages = status.messages ?? {};
  return [
    status.stopping ? h("p.note.warn", "The host is stopping.") : null,
    h("div.tiles",
      tile("Messages", number(messages.received), messages.balanced === false ? "not balanced" : `${number(messages.answered)} answered`),
      tile("Waiting", number((inbox.waiting ?? 0) + (inbox.under_way ?? 0)), inbox.oldest_at ? ["oldest ", ago(inbox.oldest_at)] : "nothing pending"),
      tile("To be sent", number((outbox.waiting ?? 0) + (outbox.under_way ?? 0)), outbox.oldest_at ? ["oldest ", ago(outbox.oldest_at)] : "all sent"),
      tile("Rooms at work", number(status.lanes.rooms.working), `${number(status.lanes.rooms.waiting)} in line`),
      tile("Memory", bytes(status.memory_bytes), ["up since ", ago(status.started_at)])),
    panel("Connectors", connectors(status.connectors)),
    panel("Agents", h("div.row", status.agents.map((agent) => h("a", { href: `/agents/${agent.id}` }, agent.name, " ", badge(agent.started ? "running" : "stopped", agent.started ? "good" : ""))))),
  ];
}

function connectors(found) {
  if (!found.length) {
    return empty("No connector is on", h("p", "Put a token into ", h("code", ".env"), " beside config.toml (", h("code", "DISCORD_BOT_TOKEN"), ", ", h("code", "TELEGRAM_BOT_TOKEN"), ", ", h("code", "SLACK_BOT_TOKEN"), ") and start the host again. ", h("a", { href: "/chat" }, "Or talk to an agent right here.")));
  }
  return table([
    { label: "Connector", cell: (each) => each.name },
    { label: "State", cell: (each) => badge(each.state, STATES[each.state] ?? "warn") },
    { label: "Account", cell: (each) => each.label || h("span.dim", "not logged in") },
    { label: "Agent", cell: (each) => each.agent },
    { label: "Last event", cell: (each) => ago(each.last_event_at) },
    { label: "Last error", cell: (each) => (each.last_error ? [each.last_error, " ", h("span.dim", ago(each.last_error_at))] : "") },
    { label: "Events", num: true, cell: (each) => plural(each.events, "event") },
  ], found, { label: "Connectors" }).element;
}
