// What an agent is to know from documents: how far they are read, and what is in them.

import { fill, h } from "../../lib/dom.js";
import { ask, del, get, post } from "../../lib/api.js";
import { ago, bytes, number, plural } from "../../lib/format.js";
import { action, badge, confirmed, empty, field, list, note, toast } from "../../lib/parts.js";
import { cards } from "./parts.js";

const EVERY_MS = 1500;
const STATES = { new: ["waits to be read", "warn"], reading: ["is being read", "warn"], ready: ["known", "good"], failed: ["could not be read", "bad"] };
const BROUGHT = { character: "from the character file", chat: "from a chat", command: "" };

export function knowledge({ agent, signal }) {
  const place = h("div");
  const progress = h("div", { "aria-live": "polite" });
  let before = "";
  let timer = 0;
  const draw = () => fill(place, list("/api/v1/knowledge", { query: { agent: agent.id }, signal, show: cards((each) => card(each, draw)), none: empty("No documents yet", "Add a file, a folder, an address or a text above. The agent finds what fits a question in it, and cites it.") }));
  const look = async () => {
    clearTimeout(timer);
    try {
      const { counts, reading } = await get("/api/v1/knowledge", { agent: agent.id, count: 1 }, { signal });
      const now = JSON.stringify(counts);
      if (now !== before) { before = now; draw(); }
      const open = counts.new ?? 0;
      fill(progress, open ? h("div.note", h("p", reading ? `Reading: ${number(counts.sources - open)} of ${number(counts.sources)} are done.` : "The agent is stopped: it reads them once it is started."), h("progress", { max: counts.sources, value: counts.sources - open, "aria-label": "Read" })) : null);
      if (open) timer = setTimeout(look, EVERY_MS);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(progress, note(error.message, "bad"), h("button", { type: "button", onclick: look }, "Try again"));
    }
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  look();
  return h("div", adding(agent, look), progress, place);
}

function adding(agent, look) {
  const file = h("input", { type: "file", multiple: true });
  const place = h("input", { type: "text", maxlength: 2000 });
  const text = h("textarea", { rows: 6, maxlength: 500000 });
  const title = h("input", { type: "text", maxlength: 200 });
  const world = h("input", { type: "text", maxlength: 200 });
  const shown = {
    file: () => field("Files", file, "Text, Markdown, HTML, PDF, Word, Excel, PowerPoint and more; 25 MB each."),
    url: () => field("Address", place, "https://… It is looked at again from time to time."),
    path: () => field("Path on the host", place, "A file or a folder, looked at again from time to time. Hidden files are left out."),
    text: () => field("Text", text, "Markdown is understood."),
  };
  const input = h("div");
  const kind = h("select", { onchange: () => fill(input, shown[kind.value]()) },
    h("option", { value: "file" }, "Files from here"), h("option", { value: "url" }, "An address on the web"), h("option", { value: "path" }, "A file or folder of the host"), h("option", { value: "text" }, "A text"));
  fill(input, shown.file());
  const add = async () => {
    const about = { agent: agent.id, title: title.value.trim(), world: world.value.trim() };
    if (kind.value === "file") {
      if (!file.files.length) throw new Error("Choose a file first.");
      for (const each of file.files) {
        const kept = await ask("POST", "/api/v1/files", { query: { name: each.name }, body: each });
        await post("/api/v1/knowledge", { ...about, file: kept.file, name: each.name });
      }
    } else if (kind.value === "text") await post("/api/v1/knowledge", { ...about, text: text.value });
    else await post("/api/v1/knowledge", { ...about, place: place.value.trim() });
    for (const each of [file, place, text, title]) each.value = "";
    toast("Added.", "good");
    look();
  };
  return h("details.panel", h("summary", h("b", "Add something to know")), h("div.stack.adding", field("From where", kind), input, h("div.grid.narrow", field("Title", title, "As it is cited. Empty: its own."), field("Only for the server", world, "Its name or id. Empty: everybody may hear of it.")), h("div.row", action("Add", add, { kind: "main" }))));
}

function card(item, again) {
  const inner = h("div");
  const [words, kind] = item.kind === "folder" && item.state !== "failed" ? ["folder", ""] : STATES[item.state];
  const done = item.inside ? (item.inside.ready ?? 0) + (item.inside.failed ?? 0) : 0;
  const all = item.inside ? Object.values(item.inside).reduce((one, other) => one + other, 0) : 0;
  const own = !item.parent_id && item.origin !== "character";
  return h("article.remembered",
    h("div.row", h("b.wrap", item.title || item.location), badge(words, kind), item.fragments ? h("span.small.dim", plural(item.fragments, "part")) : null, item.size ? h("span.small.dim", bytes(item.size)) : null, item.read_at ? h("span.small.dim", "read ", ago(item.read_at)) : null),
    item.title ? h("div.small.dim.wrap", item.location) : null,
    h("div.small.dim", item.world ? `Heard by everybody in ${item.world.name || "its server"}` : "Heard by everybody", BROUGHT[item.origin] ? `, ${BROUGHT[item.origin]}` : "", "."),
    item.remark ? h("div.small", { class: item.state === "failed" ? "bad-text" : "dim" }, item.remark) : null,
    item.inside ? h("div.small.dim", `${number(done)} of ${plural(all, "file")} read`, item.inside.failed ? `, ${number(item.inside.failed)} could not be` : "") : null,
    item.fragments ? h("details", { ontoggle: (event) => { if (event.target.open && !inner.childElementCount) fill(inner, list(`/api/v1/knowledge/${item.id}/fragments`, { query: { count: 20 }, show: cards((each) => h("article.remembered.plain-text.small", each.text)) })); } }, h("summary.small", "What was read"), inner) : null,
    h("div.row", action("Read again", async () => { await post(`/api/v1/knowledge/${item.id}/read`); toast("It is read again.", "good"); }, { kind: "link.small" }),
      own ? action("Remove", async () => {
        if (!(await confirmed("Remove it?", h("p", "The agent forgets what it read of ", h("b.wrap", item.title || item.location), item.kind === "folder" ? ` and of the ${plural(all, "file")} in it` : "", "."), "Remove"))) return;
        await del(`/api/v1/knowledge/${item.id}`);
        toast("Removed.", "good");
        again();
      }, { kind: "link.small" }) : null));
}
