// Another agent.

import { h } from "../lib/dom.js";
import { post } from "../lib/api.js";
import { action, note, toast } from "../lib/parts.js";
import { go } from "../lib/router.js";
import { bothViews } from "./agent_editor.js";

const STARTERS = {
  Helper: { name: "", system: "You are a friendly and capable assistant. Say so plainly when you do not know something, and never invent facts.", bio: ["Helps with everyday questions."], style: { all: ["Answer first, explain afterwards, and stop when it is said.", "Use plain words and short sentences; write in the language you are addressed in."] } },
  Moderator: { name: "", system: "You look after a community. Be fair and calm, explain the rules when they are asked for, and call people who are in charge when somebody is in danger.", bio: ["Knows the rules of this community."], adjectives: ["calm", "fair"], style: { chat: ["Be brief, and speak to whoever asked."] } },
  "Empty page": { name: "" },
};

export async function render(view, { signal }) {
  const state = {};
  const place = h("div");
  let views = null;
  const begin = (values) => {
    Object.assign(state, { values: structuredClone(values), text: `name = ""\n`, format: "toml", ok: false, dirty: true });
    views = bothViews(state, { signal, onchange: () => { make.disabled = !state.ok; } });
    place.replaceChildren(views.element);
    place.querySelector("input")?.focus();
  };
  const make = action("Create and start", async () => {
    if (!await views.check()) return;
    const agent = await post("/api/v1/agents", views.body());
    toast(`${agent.name} is running.`, "good");
    go(`/agents/${agent.id}`);
  }, { kind: "main" });
  make.disabled = true;
  begin(STARTERS.Helper);
  const starter = h("select", { onchange: () => begin(STARTERS[starter.value]) }, Object.keys(STARTERS).map((name) => h("option", { value: name }, name)));
  view.append(
    h("div.head", h("h1.grow", "New agent"), h("label.row", "Begin with", starter)),
    note(["It is started at once, and talks in the console's chat and over the API. Its character is written into a file in ", h("code", "agents"), " of the data folder, by which it is there after a restart too. To let it answer on Discord, Telegram or Slack, put ", h("code", 'agent = "its name"'), " into the connector's table in config.toml."]),
    place, h("div.save-bar.row", make, h("span.dim", "A name is needed; all else may come later.")));
  return "New agent";
}
