// One agent: its character, what it can do, how its character was.

import { fill, h } from "../lib/dom.js";
import { del, get, post } from "../lib/api.js";
import { number, plural, when } from "../lib/format.js";
import { STATES, action, badge, busy, confirmed, empty, list, loaded, note, panel, table, tabs, toast } from "../lib/parts.js";
import { go, remember } from "../lib/router.js";
import { editor } from "./agent_editor.js";
import { startStop, stateOf } from "./agents.js";

const TABS = ["character", "abilities", "versions"];

export async function render(view, { params, query, signal }) {
  const path = `/api/v1/agents/${encodeURIComponent(params.agent)}`;
  let tab = Math.max(0, TABS.indexOf(query.tab));
  const place = h("div", busy());
  view.append(place);
  let agent = await get(path, {}, { signal });
  const refresh = async () => { agent = await get(path, {}, { signal }); draw(); };
  function draw() {
    // Made once, so that what was written is still there after a look at another tab.
    const edit = editor(agent, { signal, saved: (found) => { agent = found; draw(); }, refresh });
    fill(place,
      h("div.head",
        h("h1.grow", agent.name, " ", stateOf(agent)),
        h("a.button", { href: `/chat/${agent.id}` }, "Chat"), startStop(agent, refresh),
        agent.created_here ? deleteButton(agent) : null),
      tabs([
        ["Character", () => edit],
        ["What it can do", () => abilities(path, agent, signal)],
        ["Versions", () => versions(path, agent, signal, (found) => { agent = found; tab = 0; draw(); })],
      ], { chosen: tab, onchoose: (index) => { tab = index; remember({ tab: index ? TABS[index] : "" }); } }));
  }
  draw();
  return agent.name;
}

function deleteButton(agent) {
  return action("Delete", async () => {
    const words = h("p", "It stops answering, and its file is put aside. What it knows stays in the database: an agent of the same name has it again.");
    if (!await confirmed(`Delete ${agent.name}?`, words, "Delete")) return;
    await del(`/api/v1/agents/${agent.id}`);
    toast(`${agent.name} is deleted.`, "good");
    go("/agents");
  }, { kind: "danger" });
}

function abilities(path, agent, signal) {
  return loaded(() => get(`${path}/abilities`, {}, { signal }), (found) => [
    found.started ? null : note("The agent is stopped: what its plugins bring is known when it runs.", "warn"),
    part("Actions", "What the model may do, and whoever may ask for it.", found.actions, [
      ["Action", (each) => h("code.nowrap", each.name)],
      ["What it does", (each) => each.description],
      ["Who may", (each) => [h("div.nowrap", each.who), each.confirm ? h("div.dim.small.nowrap", "after a yes") : null]],
      ["Plugin", (each) => h("span.dim.nowrap", each.plugin)],
    ]),
    part("Commands", "What people ask for by name, without a model.", found.commands, [
      ["Command", (each) => h("code.nowrap", `/${each.name}`)],
      ["What it does", (each) => each.description],
      ["Who may", (each) => [h("div.nowrap", each.who), each.who_in_groups !== each.who ? h("div.dim.small", `in groups: ${each.who_in_groups}`) : null]],
      ["Plugin", (each) => h("span.dim.nowrap", each.plugin)],
    ]),
    part("Models", "Who is asked for each kind, first to last.", found.models, [
      ["Kind", (each) => h("code", each.type)],
      ["Providers", (each) => each.providers.join(", then ")],
    ]),
    part("Connectors", "", found.connectors, [
      ["Connector", (each) => each.name],
      ["State", (each) => badge(each.state, STATES[each.state] ?? "warn")],
      ["Account", (each) => each.account],
    ]),
    part("Providers", "What is put into the prompt, in this order.", found.providers, [
      ["Provider", (each) => h("code", each.name)],
      ["What it gives", (each) => each.description],
      ["When", (each) => (each.always ? "always" : h("span.dim", "on request"))],
    ]),
    part("Evaluators", "What looks back after an answer and learns.", found.evaluators, [
      ["Evaluator", (each) => h("code", each.name)],
      ["What it does", (each) => each.description],
    ]),
    part("Plugins", "", found.plugins, [["Plugin", (each) => h("b", each.name)], ["About", (each) => each.description]]),
  ]);
}

function part(title, words, rows, columns) {
  if (!rows.length) return null;
  const shown = table(columns.map(([label, cell]) => ({ label, cell })), rows, { label: title });
  return panel(`${title} (${number(rows.length)})`, words ? h("p.dim", words) : null, shown.element);
}

const AUTHORS = { file: "its file, at a start", console: "the console", api: "the API", code: "code" };

function versions(path, agent, signal, restored) {
  return [
    h("p.dim", "Each change of the character, newest first; fifty are kept. Restoring makes an old one the newest. Settings that look like secrets are never kept: they stay as they are now."),
    list(`${path}/versions`, {
      signal,
      show: (found) => {
        const place = h("div");
        const add = (more) => place.append(...more.map((each) => version(path, agent, each, signal, restored)));
        add(found);
        return { element: place, add };
      },
      none: empty("No version yet", h("p", "The first one is kept when the agent starts.")),
    }),
  ];
}

function version(path, agent, each, signal, restored) {
  const newest = each.number === agent.version;
  const body = h("div");
  let against = "";
  const show = () => fill(body, loaded(() => get(`${path}/versions/${each.number}`, { against }, { signal }), (found) => changes(found)));
  const look = (label, other) => action(label, async () => { against = other; show(); });
  const what = each.keys.length ? `changed: ${each.keys.join(", ")}` : "the first that was kept";
  const details = h("details.panel", { ontoggle: () => { if (details.open && !body.childElementCount) show(); } },
    h("summary", h("b", `Version ${each.number}`), " ", newest ? badge("as it is", "good") : null, " ", when(each.made_at), h("span.dim", ` by ${AUTHORS[each.by] ?? each.by} · ${what}`), each.note ? h("div.small", each.note) : null),
    newest ? null : h("div.row", look("What it changed", ""), look("What changed since", agent.version),
      action("Restore", async () => {
        const words = h("p", `The character becomes what it was in version ${each.number}, at once.`);
        if (!await confirmed(`Restore version ${each.number}?`, words, "Restore", { danger: false })) return;
        const found = await post(`${path}/versions/${each.number}/restore`, { version: agent.version });
        toast(`${found.name} is as in version ${each.number}.`, "good");
        restored(found);
      })),
    body);
  return details;
}

function changes(found) {
  const head = found.against === null ? "This is the first version that is kept:" : `From version ${found.against} to version ${found.number}:`;
  if (found.against === null) return [h("p.dim", head), h("pre", found.text)];
  if (!found.difference.length) return h("p.dim", "Nothing differs that can be shown.");
  const signs = { new: "+ ", gone: "− ", same: "  ", gap: "" };
  return [
    h("p.dim", found.against > found.number ? `From version ${found.against} back to version ${found.number}:` : head),
    h("div.diff", { role: "figure", "aria-label": plural(found.difference.length, "line") }, found.difference.map((line) => h(`div.${line.mark}`, signs[line.mark] + line.text))),
  ];
}
