// Who is there: state, model, plugins, what they did today.

import { h } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { money, number, plural } from "../lib/format.js";
import { STATES, action, badge, empty, loaded, panel, table, toast } from "../lib/parts.js";

export async function render(view, { signal }) {
  view.append(
    h("div.head", h("h1.grow", "Agents"), h("a.button", { href: "/agents/new" }, "New agent")),
    loaded(() => get("/api/v1/agents", {}, { signal }), (found, again) => panel(null, draw(found.agents, again))));
  return "Agents";
}

function draw(agents, again) {
  if (!agents.length) return empty("No agent is there", h("p", h("a", { href: "/agents/new" }, "Create one"), ", or name a character file under ", h("code", "[[agents]]"), " in config.toml and start the host again."));
  return table([
    { label: "Agent", cell: (each) => [h("b", each.name), each.bio.length ? h("div.dim.small", short(each.bio[0])) : null] },
    { label: "State", cell: (each) => stateOf(each) },
    { label: "Model", cell: (each) => (each.models.length ? h("div", each.models.map((name) => h("div.nowrap", name))) : h("span.dim", each.status === "active" ? "none" : "–")) },
    { label: "Connectors", cell: (each) => h("span.row", each.connectors.map((one) => badge(one.name, STATES[one.state] ?? "warn"))) },
    { label: "Plugins", cell: (each) => h("span.dim.nowrap", { title: each.plugins.join(", ") }, plural(each.plugins.length, "plugin")) },
    { label: "Turns today", num: true, cell: (each) => h("span", { title: "Turns that asked a model, since midnight UTC" }, number(each.today.turns)) },
    { label: "Cost today", num: true, cell: (each) => money(each.today.cost) },
    { label: "", cell: (each) => startStop(each, again) },
  ], agents, { open: (each) => `/agents/${each.id}`, label: "Agents" }).element;
}

const short = (text) => (text.length > 90 ? `${text.slice(0, 90)} …` : text);

export const stateOf = (agent) => badge(agent.status === "active" ? "running" : "stopped", agent.status === "active" ? "good" : "");

/** Starts what is stopped, stops what runs, then `again()`. */
export function startStop(agent, again) {
  const running = agent.status === "active";
  const button = action(running ? "Stop" : "Start", async () => {
    await post(`/api/v1/agents/${agent.id}/${running ? "stop" : "start"}`);
    toast(running ? `${agent.name} is stopped. What comes in waits until it is started; the host starts it at its own next start, too.` : `${agent.name} is running.`, "good");
    await again();
  });
  button.classList.add("nowrap");
  button.setAttribute("aria-label", `${running ? "Stop" : "Start"} ${agent.name}`);
  return button;
}
