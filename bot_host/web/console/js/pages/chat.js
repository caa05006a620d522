// Talking with an agent: what is written here goes the same way as a message on any platform.

import { fill, h, icon } from "../lib/dom.js";
import { ask, del, follow, get, patch, post } from "../lib/api.js";
import { bytes, when } from "../lib/format.js";
import { badge, busy, confirmed, empty, failure, toast } from "../lib/parts.js";
import { go } from "../lib/router.js";
import { markdown } from "../lib/markdown.js";

const PAGE = 40;
const FILES = 10;

export async function render(view, { params, signal }) {
  const { agents } = await get("/api/v1/agents", {}, { signal });
  if (!agents.length) {
    view.append(h("h1", "Chat"), empty("There is no agent yet", h("p", h("a", { href: "/agents" }, "Make one"))));
    return "Chat";
  }
  const last = localStorage.getItem("chat-agent");
  const wanted = params.agent ?? agents.find((each) => each.id === last)?.id ?? agents[0].id;
  const agent = agents.find((each) => each.id === wanted || each.name.toLowerCase() === wanted.toLowerCase());
  if (!agent) {
    view.append(h("h1", "Chat"), empty("There is no such agent", h("p", h("a", { href: "/chat" }, "To the chat"))));
    return "Chat";
  }
  localStorage.setItem("chat-agent", agent.id);
  const conversation = params.conversation ?? newId();
  const base = `/api/v1/agents/${agent.id}/conversations`;
  const side = h("div.talks", busy());
  const talk = new Talk({ agent, conversation, base: `${base}/${conversation}`, signal, isNew: !params.conversation, onSaid: () => { if (!params.conversation) { params.conversation = conversation; history.replaceState(null, "", `/chat/${agent.id}/${conversation}`); } list(); } });
  const list = () => conversations(side, base, agent, conversation, signal);
  const chooser = agents.length > 1
    ? h("select", { "aria-label": "Agent", onchange: (event) => go(`/chat/${event.target.value}`) }, agents.map((each) => h("option", { value: each.id, selected: each.id === agent.id }, each.name)))
    : h("b", agent.name);
  view.append(h("div.chat",
    h("aside.chat-side", { "aria-label": "Conversations" }, h("div.row", chooser, h("a.button", { href: `/chat/${agent.id}` }, "New")), side),
    talk.element));
  list();
  await talk.begin();
  return `${agent.name}`;
}

const newId = () => (crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""));

async function conversations(place, base, agent, now, signal, after = "") {
  try {
    const found = await get(base, { count: 30, after }, { signal });
    const items = found.items.map((each) => h("div.talk", { class: each.id === now ? "now" : "" },
      h("a", { href: `/chat/${agent.id}/${each.id}`, "aria-current": each.id === now ? "page" : null }, h("span.talk-name", each.name || "Conversation"), h("span.dim.small", when(each.last_at))),
      menu(each, base, agent, now, () => conversations(place, base, agent, now, signal))));
    if (!after) fill(place, items.length ? items : h("p.dim.small", "No conversations yet."));
    else { place.querySelector(".more")?.remove(); place.append(...items); }
    if (found.next) place.append(h("button.more.small", { type: "button", onclick: () => conversations(place, base, agent, now, signal, found.next) }, "Older ones"));
  } catch (error) {
    if (error.name !== "AbortError") fill(place, failure(error, () => conversations(place, base, agent, now, signal)));
  }
}

function menu(each, base, agent, now, again) {
  const rename = async () => {
    const input = h("input", { value: each.name, maxlength: 80, "aria-label": "Name" });
    if (await confirmed("Rename the conversation", input, "Rename", { danger: false }) && input.value.trim()) {
      await patch(`${base}/${each.id}`, { name: input.value.trim() });
      again();
    }
  };
  const remove = async () => {
    if (await confirmed("Delete the conversation?", "All that was said in it is forgotten.", "Delete")) {
      await del(`${base}/${each.id}`);
      if (each.id === now) go(`/chat/${agent.id}`); else again();
    }
  };
  const safely = (work) => () => work().catch((error) => toast(error.message, "bad"));
  return h("span.talk-menu",
    h("button.quiet.small", { type: "button", "aria-label": `Rename ${each.name}`, title: "Rename", onclick: safely(rename) }, "✎"),
    h("button.quiet.small", { type: "button", "aria-label": `Delete ${each.name}`, title: "Delete", onclick: safely(remove) }, "✕"));
}

class Talk {
  constructor({ agent, conversation, base, signal, isNew, onSaid }) {
    Object.assign(this, { agent, conversation, base, signal, isNew, onSaid });
    this.shown = new Map();
    this.drafts = new Map();
    this.files = [];
    this.working = false;
    this.log = h("div.chat-log", { role: "log", "aria-live": "polite", "aria-label": "Messages" });
    this.state = h("div.chat-state.dim.small", { "aria-live": "polite" });
    this.text = h("textarea", { rows: 1, placeholder: `Message ${agent.name}`, "aria-label": "Message", onkeydown: (event) => this.key(event), oninput: () => this.grow(), onpaste: (event) => this.take([...event.clipboardData.files], event) });
    this.send = h("button.main", { type: "submit" }, "Send");
    this.stop = h("button", { type: "button", hidden: true, onclick: () => this.stopTurn() }, "Stop");
    this.chosen = h("div.row.small");
    const picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => { this.take([...picker.files]); picker.value = ""; } });
    const form = h("form.chat-form", { onsubmit: (event) => { event.preventDefault(); this.say(); } }, this.chosen,
      h("div.chat-input", h("button.quiet", { type: "button", "aria-label": "Attach files", title: "Attach files", onclick: () => picker.click() }, icon("attach")), picker, this.text, this.stop, this.send));
    this.element = h("section.chat-main", { "aria-label": "Conversation", ondragover: (event) => event.preventDefault(), ondrop: (event) => this.take([...event.dataTransfer.files], event) }, this.log, this.state, form);
  }

  async begin() {
    if (this.isNew) this.greet(); else await this.load();
    follow(`${this.base}/events`, { signal: this.signal, onEvent: (name, data) => this.heard(name, data), onState: (connected) => this.connected(connected) })
      .catch((error) => toast(error.message, "bad"));
    this.text.focus();
  }

  greet() {
    fill(this.log, empty(`Talk with ${this.agent.name}`, h("p", "Write below. Enter sends, Shift+Enter begins a new line, and commands (/ or !) work as everywhere.")));
  }

  async load(after = "") {
    const found = await get(`${this.base}/messages`, { count: PAGE, after }, { signal: this.signal });
    const older = found.items.slice().reverse();
    this.log.querySelector(".more")?.remove();
    if (!after) { this.log.replaceChildren(); this.shown.clear(); }
    const before = this.log.firstChild;
    const height = this.log.scrollHeight;
    for (const message of older) {
      const element = this.draw(message);
      this.shown.set(message.id, { message, element });
      this.log.insertBefore(element, before);
    }
    if (found.next) this.log.prepend(h("button.more.small", { type: "button", onclick: () => this.load(found.next).catch((error) => toast(error.message, "bad")) }, "Earlier messages"));
    if (!this.shown.size) this.greet();
    if (after) this.log.scrollTop += this.log.scrollHeight - height; else this.down();
    this.work();
  }

  connected(connected) {
    if (!connected) this.status("Connection lost; trying again …");
    else if (this.lost) { this.status(""); this.load().catch(() => {}); }
    this.lost = !connected;
  }

  heard(name, data) {
    const near = this.near();
    if (name === "message") this.put(data);
    else if (name === "chunk") this.draft(data.id, (text) => text + data.text);
    else if (name === "replaced") this.draft(data.id, () => data.text);
    else if (name === "gone") this.drop(data.id);
    else if (name === "typing") this.status(data.on ? `${this.agent.name} is writing …` : "");
    else if (name === "action") this.acted(data);
    else if (name === "over" || name === "reload") { this.status(""); this.load().catch(() => {}); }
    if (near) this.down();
  }

  put(message) {
    this.log.querySelector(".empty")?.remove();
    const draft = this.drafts.get(message.id);
    const known = this.shown.get(message.id);
    const element = this.draw(message);
    if (known) known.element.replaceWith(element);
    else if (draft) draft.element.replaceWith(element);
    else this.log.append(element);
    this.drafts.delete(message.id);
    this.shown.set(message.id, { message, element });
    this.work();
  }

  draft(id, change) {
    let draft = this.drafts.get(id);
    if (!draft) {
      const body = h("div.bubble-text.plain-text");
      draft = { text: "", body, element: h("article.message.agent.draft", { "aria-busy": "true" }, h("div.bubble", body)) };
      this.drafts.set(id, draft);
      this.log.append(draft.element);
    }
    draft.text = change(draft.text);
    draft.body.textContent = draft.text;
    this.work();
  }

  drop(id) {
    this.drafts.get(id)?.element.remove();
    this.drafts.delete(id);
    this.shown.get(id)?.element.remove();
    this.shown.delete(id);
    if (!this.shown.size && !this.drafts.size) this.greet();
    this.work();
  }

  acted({ name, state, success, text }) {
    const words = name.toLowerCase().replaceAll("_", " ");
    if (state === "running") {
      this.doing = h("div.tool", badge("action", "accent"), h("span", words), h("span.dim.small.tool-state", "running …"));
      this.log.append(this.doing);
      return;
    }
    const line = this.doing ?? h("div.tool", badge("action", "accent"), h("span", words), h("span.dim.small.tool-state"));
    if (!line.isConnected) this.log.append(line);
    fill(line.querySelector(".tool-state"), badge(success === false ? "failed" : "done", success === false ? "bad" : "good"), text ? ` ${text.slice(0, 200)}` : "");
    this.doing = null;
  }

  draw(message) {
    const mine = message.from === "you";
    const body = message.tree ? markdown(message.tree) : h("div.plain-text", message.text);
    const tools = h("div.message-tools.small");
    const element = h(`article.message.${mine ? "you" : "agent"}`, h("div.bubble", body, message.attachments.map(attachment)),
      h("div.message-foot.dim.small", when(message.created_at), message.edited ? "edited" : null, mine ? this.outcome(message) : null, message.run_id ? h("a", { href: `/runs/${message.run_id}`, title: "How this came about" }, "why") : null, tools));
    const button = (words, label, work) => h("button.link.small", { type: "button", "aria-label": label, onclick: () => work().catch((error) => toast(error.message, "bad")) }, words);
    tools.append(button("Copy", "Copy this message", async () => { await navigator.clipboard.writeText(message.text); toast("Copied", "good"); }));
    if (mine && message.key) {
      tools.append(button("Edit", "Edit this message", async () => this.edit(message, element)));
      tools.append(button("Try again", "Ask this again", async () => { await post(`${this.base}/messages/${message.key}/retry`); this.expect(); }));
      tools.append(button("Delete", "Delete this message and its answer", async () => { if (await confirmed("Delete this message?", "Its answer goes with it.", "Delete")) await del(`${this.base}/messages/${message.key}`); }));
    }
    return element;
  }

  outcome(message) {
    if (!message.done) return h("span", "waits for its answer");
    if (!message.outcome || message.outcome === "answered") return null;
    return [badge(message.outcome, message.outcome === "failed" ? "bad" : "warn"), h("span", message.reason)];
  }

  edit(message, element) {
    const text = h("textarea", { rows: 3, value: message.text, "aria-label": "The message" });
    const back = () => element.replaceWith(this.redraw(message));
    const save = async () => {
      try { await patch(`${this.base}/messages/${message.key}`, { text: text.value }); this.expect(); } catch (error) { toast(error.message, "bad"); }
    };
    fill(element.querySelector(".bubble"), text, h("div.row", h("button.main", { type: "button", onclick: save }, "Save"), h("button", { type: "button", onclick: back }, "Cancel")));
    text.focus();
  }

  redraw(message) {
    const element = this.draw(message);
    this.shown.set(message.id, { message, element });
    return element;
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.say(); }
    if (event.key === "Escape" && this.working) this.stopTurn();
    if (event.key === "ArrowUp" && !this.text.value) {
      const mine = [...this.shown.values()].filter((each) => each.message.key).pop();
      if (mine) { event.preventDefault(); this.edit(mine.message, mine.element); }
    }
  }

  grow() {
    this.text.rows = Math.min(8, Math.max(1, this.text.value.split("\n").length));
  }

  async take(files, event) {
    if (!files.length) return;
    event?.preventDefault();
    for (const file of files.slice(0, FILES - this.files.length)) {
      const chip = h("span.badge", `${file.name} …`);
      this.chosen.append(chip);
      try {
        const kept = await (await ask("POST", "/api/v1/files", { query: { name: file.name }, body: file, raw: true })).json();
        const one = { file: kept.file, name: kept.name, type: kept.type ?? "", size: kept.size };
        this.files.push(one);
        fill(chip, `${file.name} (${bytes(file.size)}) `, h("button.link", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => { this.files = this.files.filter((each) => each !== one); chip.remove(); } }, "✕"));
      } catch (error) {
        chip.remove();
        toast(`${file.name}: ${error.message}`, "bad");
      }
    }
  }

  async say() {
    const text = this.text.value;
    const attachments = this.files;
    if (!text.trim() && !attachments.length) return;
    this.text.value = "";
    this.files = [];
    fill(this.chosen);
    this.grow();
    try {
      await post(`${this.base}/messages`, { text, attachments });
      this.expect();
      this.onSaid();
    } catch (error) {
      this.text.value = text;
      this.files = attachments;
      toast(error.message, "bad");
    }
    this.down();
    this.text.focus();
  }

  expect() {
    this.status(`${this.agent.name} is thinking …`);
  }

  async stopTurn() {
    try { await post(`${this.base}/stop`); } catch (error) { toast(error.message, "bad"); }
  }

  work() {
    this.working = this.drafts.size > 0 || [...this.shown.values()].some(({ message }) => message.from === "you" && !message.done);
    this.stop.hidden = !this.working;
  }

  status(words) { this.state.textContent = words; }
  near() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 120; }
  down() { this.log.scrollTop = this.log.scrollHeight; }
}

function attachment(file) {
  const words = `${file.name}${file.size ? ` (${bytes(file.size)})` : ""}`;
  if (file.url?.startsWith("/") && /^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
    return h("a.attached", { href: file.url, target: "_blank" }, h("img", { src: file.url, alt: file.name, loading: "lazy" }));
  }
  return h("div.attached", file.url ? h("a", { href: file.url, target: "_blank", rel: "noopener noreferrer" }, words) : words);
}
