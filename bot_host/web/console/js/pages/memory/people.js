// Who is known: what is held of them, handed over, or erased.

import { fill, h } from "../../lib/dom.js";
import { ask, get, post } from "../../lib/api.js";
import { number, plural } from "../../lib/format.js";
import { action, confirmed, download, empty, field, list, loaded, panel, table, toast } from "../../lib/parts.js";
import { find, go, remember } from "../../lib/router.js";
import { form } from "./parts.js";

const TABLES = {
  memories: "messages, facts and the like", entities: "who they are", entity_names: "names that they are found by", participants: "rooms that they are in", rooms: "private chats",
  inbox: "marks of messages", outbox: "marks of answers", runs: "records of turns", steps: "records of actions", embeddings: "vectors", person_links: "links to other accounts", link_codes: "codes for linking", audit: "records of changes",
};
const words = (name) => TABLES[name] ?? name.replaceAll("_", " ");

export function people({ agent, query, signal }) {
  if (query.person) return one(agent, query.person, signal);
  const place = h("div.panel");
  const input = h("input.grow", { type: "search", value: query.name ?? "", maxlength: 200, "aria-label": "Name or id", placeholder: "How the name begins, an id, or discord:123" });
  const run = () => {
    const q = input.value.trim();
    remember({ name: q });
    fill(place, list("/api/v1/people", {
      query: { agent: agent.id, q }, signal, label: "People", open: (each) => address(agent, each.id),
      columns: [
        { label: "Name", cell: (each) => each.name || "nameless" },
        { label: "Also", cell: (each) => each.names.slice(1, 4).join(", ") },
        { label: "Accounts", cell: (each) => each.accounts.map((known) => `${known.platform} ${known.name || known.id}`).join(", ") },
      ],
      none: q ? empty("Nobody fits", "Names are found by how they begin; accounts by their platform's id.") : empty("Nobody yet", "Whoever writes to the agent appears here."),
    }));
  };
  run();
  return h("div", h("form.row.search-row", { onsubmit: (event) => { event.preventDefault(); run(); } }, input, h("button.main", "Find")), place);
}

const address = (agent, id) => `/memory?agent=${agent.id}&tab=people&person=${id}`;
const called = (who) => who.name || who.id;

function one(agent, id, signal) {
  return loaded(() => get(`/api/v1/entities/${id}/held`, {}, { signal }), (found, again) => {
    const who = found.person;
    const rows = Object.entries(found.held).sort(([, a], [, b]) => b - a);
    const linked = found.linked.length > 0;
    return [
      h("p", h("a", { href: `/memory?agent=${agent.id}&tab=people` }, "← All people")),
      panel(called(who),
        h("p.dim", [...new Set(who.names.slice(1))].join(", "), who.accounts.map((each) => h("div", `${each.platform} ${each.id}${each.name ? ` (${each.name})` : ""}`))),
        h("div.row", find(`/people/${who.id}`) ? h("a", { href: `/people/${who.id}` }, "Rooms and roles") : null, h("a", { href: `/memory?agent=${agent.id}&tab=facts&person=${who.id}` }, "Facts"), h("a", { href: `/memory?agent=${agent.id}&tab=relationships&person=${who.id}` }, "Relationships"))),
      linked ? panel("Linked accounts", h("p.dim", "They said themselves that these are theirs: in private the agent recalls on the one what was said on the other."), h("ul", found.linked.map((each) => h("li", h("a", { href: address(agent, each.id) }, called(each)), " ", h("span.dim", each.accounts.map((known) => `${known.platform} ${known.id}`).join(", "))))),
        action("Part this account from them", async () => {
          if (!(await confirmed("Part them?", h("p", "Nothing that was said on the one is recalled on the other any more."), "Part them"))) return;
          await post(`/api/v1/entities/${id}/part`);
          toast("Parted.", "good");
          again();
        })) : null,
      panel("What is held",
        rows.length ? table([{ label: "What", cell: ([name]) => words(name) }, { label: "Rows", num: true, cell: ([, count]) => number(count) }], rows, { label: "What is held" }).element : empty("Nothing is held"),
        h("p.small.dim", found.not_covered)),
      panel("Hand it over, or erase it",
        h("p", "The archive is the one that they get by ", h("code", "/mydata"), ": a zip file with a summary, all rows and files."),
        h("div.row",
          action("Export", () => download(`/api/v1/entities/${id}/export`, `mydata-${id}.zip`)),
          linked ? action("Export with linked accounts", () => download(`/api/v1/entities/${id}/export?linked=true`, `mydata-${id}.zip`)) : null,
          h("button.danger", { type: "button", onclick: () => erase(agent, found) }, "Erase …"))),
    ];
  });
}

function erase(agent, found) {
  const who = found.person;
  const name = h("input", { autocomplete: "off", required: true });
  const also = found.linked.length ? h("input", { type: "checkbox" }) : null;
  form(`Erase ${called(who)}`, [
    h("p", "All that they said, what was said to them, what was learned of them and what waits for them is deleted for good."),
    h("p.small.dim", found.not_covered),
    also ? h("label.row", also, `Also ${plural(found.linked.length, "linked account")}: ${found.linked.map(called).join(", ")}`) : null,
    field(`Type the name to confirm: ${called(who)}`, name),
  ], async () => {
    if (name.value.trim().toLowerCase() !== called(who).toLowerCase()) throw new Error("That is not the name: nothing was erased.");
    const told = await ask("DELETE", `/api/v1/entities/${who.id}`, { query: { confirm: name.value, linked: also?.checked ? "true" : "" } });
    receipt(agent, who, told);
  }, { action: "Erase for good", kind: "danger" });
}

function receipt(agent, who, told) {
  const dialog = h("dialog", { "aria-label": "Receipt" }, h("h2", `${called(who)} is erased`),
    told.erased.map((each) => [h("p.small.dim", each.id), table([{ label: "What", cell: ([name]) => words(name) }, { label: "Rows", num: true, cell: ([, count]) => number(count) }], Object.entries(each.rows), { label: "Erased" }).element]),
    h("p.small.dim", told.not_covered), h("form", { method: "dialog" }, h("button.main", "Close")));
  dialog.addEventListener("close", () => { dialog.remove(); go(`/memory?agent=${agent.id}&tab=people`, { replace: true }); });
  document.body.append(dialog);
  dialog.showModal();
}
