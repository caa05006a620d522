// Somebody, as one agent knows them.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { ago, number } from "../lib/format.js";
import { badge, empty, facts, panel, table } from "../lib/parts.js";
import { AUDIENCES, accountsOf, kindOf, platformName, readers, somebody } from "../lib/rooms.js";
import { find } from "../lib/router.js";

const MOST = 100;

export async function render(view, { params, signal }) {
  const person = await get(`/api/v1/entities/${params.id}`, {}, { signal });
  const name = person.name || "Somebody without a name";
  const memory = find("/memory") ? h("a.button", { href: `/memory?agent=${person.agent.id}&tab=people&person=${person.id}` }, "Memory: export, erase") : null;
  fill(view,
    h("div.head", h("h1.grow", name), memory, find("/runs") ? h("a", { href: `/runs?agent=${person.agent.id}&person=${person.id}` }, "What became of their messages") : null, h("a", { href: "/rooms?tab=people" }, "All people")),
    h("div.grid",
      panel("Who it is", facts([
        ["Known to", h("a", { href: `/agents/${person.agent.id}` }, person.agent.name)],
        ["Accounts", accountsOf(person.accounts)],
        ["Also called", person.names.slice(1).join(", ")],
        ["Id", h("span.mono", person.id)],
      ]), person.is_agent ? h("p.dim", "This is the agent itself.") : null),
      panel("Linked accounts", person.linked.length
        ? h("ul.people", person.linked.map((each) => h("li", h("a", { href: `/people/${each.id}` }, somebody(each)), h("div.small", accountsOf(each.accounts)))))
        : h("p.dim", "None. People link their accounts themselves, by /link in a private chat."))),
    panel("Rooms", rooms(person.rooms)), panel("Facts", factsOf(person.facts)), panel("Contacts", contacts(person.contacts)));
  return name;
}

const more = (rows, words) => (rows.length >= MOST ? h("p.dim", `The newest ${MOST} ${words} are shown.`) : null);

function rooms(found) {
  if (!found.length) return empty("In no room", h("p", "They have not written anywhere yet."));
  return [table([
    { label: "Room", cell: (each) => each.name || (each.private ? "Private chat" : each.channel_id) },
    { label: "In", cell: (each) => h("span", platformName(each.source), " ", kindOf(each), each.world?.name ? h("span.dim", ` · ${each.world.name}`) : null) },
    { label: "Read by", cell: (each) => h("span", readers(each)) },
    { label: "Role", cell: (each) => (each.role ? badge(each.role.toLowerCase(), "accent") : "") },
    { label: "Known there", cell: (each) => ago(each.joined_at) },
  ], found, { open: (each) => `/rooms/${each.id}`, label: "Rooms" }).element, more(found, "rooms")];
}

function factsOf(found) {
  if (!found.length) return empty("Nothing was learned of them", h("p", "Facts are learned from what people say, if the agent has the plugin for it."));
  return [table([
    { label: "Fact", cell: (each) => each.text },
    { label: "Who may hear it", cell: (each) => AUDIENCES[each.audience] ?? "whoever is in the room" },
    { label: "Sure", num: true, cell: (each) => (each.confidence === null ? "" : `${number(each.confidence * 100)} %`) },
    { label: "Learned", cell: (each) => h("span", ago(each.created_at), " ", h("a", { href: `/rooms/${each.room_id}` }, "there")) },
  ], found, { label: "Facts" }).element, more(found, "facts")];
}

function contacts(found) {
  if (!found.length) return empty("No contacts are known", h("p", "Who knows whom is learned from what people say to each other."));
  return [table([
    { label: "Person", cell: (each) => h("a", { href: `/people/${each.person.id}` }, somebody(each.person)) },
    { label: "How", cell: (each) => [each.tags.join(", ") || "knows", h("span.dim", each.towards ? "" : " (as the other one sees it)")] },
    { label: "Who may hear it", cell: (each) => AUDIENCES[each.audience] ?? each.audience },
    { label: "Changed", cell: (each) => ago(each.updated_at) },
  ], found, { label: "Contacts" }).element, more(found, "contacts")];
}
