// Where the agents are: rooms, worlds, and the people there.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { ago, number } from "../lib/format.js";
import { badge, empty, list, table, tabs } from "../lib/parts.js";
import { accountsOf, kindOf, platformName, platformNames, readers, somebody, standing } from "../lib/rooms.js";
import { remember } from "../lib/router.js";

const TYPING_MS = 300;
const shortened = (name) => (name.length > 20 ? `${name.slice(0, 19)}…` : name);
const TABS = ["rooms", "worlds", "people"];

export async function render(view, { query, signal }) {
  const { agents } = await get("/api/v1/agents", {}, { signal });
  const chosen = Math.max(0, TABS.indexOf(location.pathname.startsWith("/people") ? "people" : query.tab));
  const given = { ...query };
  const show = { rooms: () => rooms(agents, given, signal), worlds: () => worlds(agents, given, signal), people: () => people(agents, given, signal) };
  view.append(h("div.head", h("h1.grow", "Rooms")), tabs([["Rooms", show.rooms], ["Servers and groups", show.worlds], ["People", show.people]], {
    chosen, onchoose: (index) => { given.tab = TABS[index]; if (location.pathname === "/rooms") remember({ tab: index ? TABS[index] : "" }); },
  }));
  return "Rooms";
}

/** Filters above a list that is loaded anew when one of them changes. */
function filtered(fields, given, draw) {
  const place = h("div");
  const show = () => fill(place, draw());
  let timer = 0;
  const change = (name, value, wait) => {
    given[name] = value;
    remember({ [name]: value });
    clearTimeout(timer);
    timer = setTimeout(show, wait);
  };
  const inputs = fields.map(({ name, words, options, hint }) => (options
    ? h("select", { "aria-label": words, onchange: (event) => change(name, event.target.value, 0) }, h("option", { value: "" }, words), options.map(([value, text]) => h("option", { value, selected: given[name] === value }, text)))
    : h("input.grow", { type: "search", "aria-label": words, placeholder: hint, value: given[name] ?? "", maxlength: 200, oninput: (event) => change(name, event.target.value, TYPING_MS) })));
  show();
  return h("div", h("div.row.filters", { role: "search" }, inputs), place);
}

const ofAgents = (agents) => (agents.length > 1 ? [{ name: "agent", words: "All agents", options: agents.map((each) => [each.id, each.name]) }] : []);
const PLATFORM = { name: "platform", words: "All platforms", options: platformNames() };

function rooms(agents, given, signal) {
  const fields = [{ name: "text", words: "Find a room", hint: "Name of a room or server, or an id" }, ...ofAgents(agents), PLATFORM];
  const some = () => given.text || given.agent || given.platform || given.world;
  const columns = [
    { label: "Room", cell: (each) => (each.title ? h("bdi", each.title) : h("span.dim", "without a name")) },
    { label: "In", cell: (each) => h("span", platformName(each.source), " ", kindOf(each), each.world?.name ? h("span.dim", ` · ${each.world.name}`) : null) },
    ...(agents.length > 1 ? [{ label: "Agent", cell: (each) => each.agent.name }] : []),
    { label: "Read by", cell: (each) => h("span", readers(each)) },
    { label: "State", cell: standing },
    { label: "People", num: true, cell: (each) => number(each.people) },
    { label: "Last message", cell: (each) => (each.last ? h("span", ago(each.last.at), h("span.dim.preview", each.last.name ? [h("bdi", shortened(each.last.name)), ": "] : null, h("bdi", each.last.text))) : h("span.dim", "nothing yet")) },
  ];
  const none = () => (some()
    ? empty("No room fits", h("p", "Try fewer filters, or look under ", h("a", { href: "/rooms?tab=people" }, "People"), " for a private chat."))
    : empty("No rooms yet", h("p", "A room appears as soon as somebody writes there. Invite the bot to a server, write to it, or "), h("p", h("a", { href: "/chat" }, "talk to an agent right here."))));
  return filtered(fields, given, () => {
    const chip = h("p", { hidden: !given.world });
    const query = { agent: given.agent, platform: given.platform, world: given.world, text: given.text };
    return [chip, list("/api/v1/rooms", {
      query, signal, none: none(), show: (items) => {
        if (given.world) fill(chip, "Only of ", badge(items[0].world?.name || "one server", "accent"), " ", h("a", { href: "/rooms" }, "Show all"));
        return table(columns, items, { open: (each) => `/rooms/${each.id}`, label: "Rooms" });
      },
    })];
  });
}

function worlds(agents, given, signal) {
  const fields = [{ name: "text", words: "Find a server or group", hint: "Name" }, ...ofAgents(agents), PLATFORM];
  const columns = [
    { label: "Name", cell: (each) => each.name || h("span.dim", "private chats") },
    { label: "Platform", cell: (each) => platformName(each.platform) },
    { label: "Id there", cell: (each) => h("span.mono", each.platform_id) },
    { label: "Agent", cell: (each) => each.agent.name },
    { label: "Rooms", num: true, cell: (each) => number(each.rooms) },
  ];
  return filtered(fields, given, () => list("/api/v1/worlds", {
    query: { agent: given.agent, platform: given.platform, text: given.text }, columns, signal, label: "Servers and groups",
    open: (each) => `/rooms?world=${each.id}`,
    none: given.text || given.agent || given.platform ? empty("Nothing fits", h("p", "Try fewer filters.")) : empty("No servers or groups yet", h("p", "They appear when a connector is on and somebody writes there. ", h("a", { href: "/" }, "See the connectors"))),
  }));
}

function people(agents, given, signal) {
  if (!agents.length) return empty("No agent is here", h("p", "People are known to agents."));
  const one = agents.length > 1 ? [{ name: "agent", words: `Known to ${agents[0].name}`, options: agents.slice(1).map((each) => [each.id, `Known to ${each.name}`]) }] : [];
  const columns = [
    { label: "Name", cell: (each) => [somebody(each), each.agent ? [" ", badge("the agent")] : null] },
    { label: "Accounts", cell: (each) => h("span", accountsOf(each.accounts), each.linked ? badge("linked", "accent") : null) },
    { label: "Also called", cell: (each) => h("span.dim", each.names.slice(1, 6).join(", ")) },
  ];
  return filtered([{ name: "name", words: "Find a person", hint: "How a name begins" }, ...one], given, () => list("/api/v1/entities", {
    query: { agent: given.agent || agents[0].id, name: given.name }, columns, signal, label: "People", open: (each) => `/people/${each.id}`,
    none: given.name ? empty("Nobody is called so", h("p", "Only the beginning of a name counts, in any case of letters.")) : empty("Nobody is known yet", h("p", "Whoever writes to an agent appears here.")),
  }));
}

