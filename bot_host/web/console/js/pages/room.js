// One room: what was said there as it stands on its platform, and how the agent is there.

import { fill, h } from "../lib/dom.js";
import { get, patch, post } from "../lib/api.js";
import { bytes, full, plural, when } from "../lib/format.js";
import { markdown } from "../lib/markdown.js";
import { OUTCOMES, action, badge, confirmed, empty, facts, field, list, note, panel, toast } from "../lib/parts.js";
import { accountsOf, kindOf, platformName, readers, somebody, standing } from "../lib/rooms.js";
import { find } from "../lib/router.js";

const PAGE = 40;
const EVERY_MS = 4000;
const QUOTED = { reply: "in answer to", forward: "forwarded from", embed: "a link's preview from", thread: "said before by", view: "stands open beside" };

export async function render(view, { params, signal }) {
  const address = `/api/v1/rooms/${params.id}`;
  let room = await get(address, {}, { signal });
  const head = h("div.head");
  const side = h("div");
  const showHead = () => fill(head, h("h1.grow", room.title || "A room without a name"), standing(room), find("/runs") ? h("a", { href: `/runs?agent=${room.agent.id}&room=${room.id}` }, "What became of its messages") : null, h("a", { href: "/rooms" }, "All rooms"));
  const changed = (now) => { room = now; showHead(); fill(side, about(room, address, changed)); };
  changed(room);
  const talk = new Talk(room, address, signal);
  fill(view, head, room.closed ? note(`The platform takes nothing that is sent here: ${room.closed}`, "warn") : null,
    h("div.room", h("section.panel.room-talk", { "aria-label": "Conversation" }, talk.element), h("div.room-side", side, panel("People", people(address, signal)))));
  await talk.begin();
  return room.title || "Room";
}

class Talk {
  constructor(room, address, signal) {
    Object.assign(this, { room, address, signal });
    this.messages = new Map();
    this.gone = new Map();
    this.next = null;
    this.log = h("div.chat-log.room-log", { role: "log", tabindex: "0", "aria-label": "Messages, newest last" });
    this.element = h("div.stack", this.log, this.form());
  }

  async begin() {
    let timer = 0;
    const again = async () => {
      if (!document.hidden) await this.refresh();
      if (!this.signal.aborted) timer = setTimeout(again, EVERY_MS);
    };
    this.signal.addEventListener("abort", () => clearTimeout(timer));
    const found = await this.load("");
    this.next = found.next;
    this.draw();
    this.log.scrollTop = this.log.scrollHeight;
    requestAnimationFrame(() => { this.log.scrollTop = this.log.scrollHeight; });
    timer = setTimeout(again, EVERY_MS);
  }

  async load(after) {
    const found = await get(`${this.address}/messages`, { count: PAGE, after }, { signal: this.signal });
    for (const each of found.items) this.messages.set(each.id, each);
    for (const each of found.gone) this.gone.set(each.seq, each);
    return found;
  }

  /** The newest page as it is now: what is not on it any more was deleted. */
  async refresh() {
    try {
      const before = this.told();
      const known = new Map(this.messages);
      const found = await this.load("");
      const oldest = found.next ? found.items[found.items.length - 1] : null;
      const there = new Set(found.items.map((each) => each.id));
      for (const each of known.values()) {
        if (!there.has(each.id) && (!oldest || order(each, oldest) > 0)) this.messages.delete(each.id);
      }
      if (this.told() === before) return;
      const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
      this.draw();
      if (near) this.log.scrollTop = this.log.scrollHeight;
    } catch (error) {
      if (error.name === "AbortError") return;
    }
  }

  told() { return JSON.stringify([[...this.messages.values()].sort(order), [...this.gone.keys()]]); }

  async earlier() {
    const height = this.log.scrollHeight;
    this.next = (await this.load(this.next)).next;
    this.draw();
    this.log.scrollTop += this.log.scrollHeight - height;
  }

  draw() {
    const top = this.log.scrollTop;
    const sorted = [...this.messages.values()].sort(order);
    const gone = [...this.gone.values()].sort((one, other) => one.seq - other.seq);
    if (!sorted.length && !gone.length) {
      fill(this.log, empty("Nothing was said here yet", h("p", "What people and the agent say appears here by itself.")));
      return;
    }
    let day = "";
    fill(this.log, this.next ? action("Earlier messages", () => this.earlier(), { kind: "more.small" }) : h("p.dim.small.right", "This is where it begins."), sorted.map((each) => {
      const lost = gone.splice(0, count(gone, (one) => Date.parse(one.at) < Date.parse(each.created_at)));
      const today = new Date(each.created_at).toLocaleDateString(undefined, { dateStyle: "full" });
      const line = today === day ? null : h("div.day.dim.small", today);
      day = today;
      return [lost.length ? deleted(lost) : null, line, message(each, this.room)];
    }), gone.length ? deleted(gone) : null);
    this.log.scrollTop = top;
  }

  form() {
    const name = this.room.agent.name;
    const text = h("textarea", { rows: 2, maxlength: 20000, "aria-label": `What ${name} is to say here`, placeholder: `Say something here as ${name}` });
    const send = async () => {
      if (!text.value.trim()) { text.focus(); return; }
      const where = this.room.private ? `to ${this.room.title}` : `in ${this.room.title}, where ${plural(this.room.people, "person is", "people are")} known to read`;
      if (!await confirmed(`Say this as ${name}?`, [h("p", `It is sent on ${platformName(this.room.source)} ${where}.`), h("pre", text.value)], "Send", { danger: false })) return;
      await post(`/api/v1/agents/${this.room.agent.id}/rooms/${this.room.id}/send`, { text: text.value, id: crypto.randomUUID?.() });
      text.value = "";
      toast("It is on its way.", "good");
      await this.refresh();
      this.log.scrollTop = this.log.scrollHeight;
    };
    return h("div.chat-input", text, action("Send …", send));
  }
}

const order = (one, other) => (one.created_at === other.created_at ? one.seq - other.seq : Date.parse(one.created_at) - Date.parse(other.created_at) || one.seq - other.seq);

function count(items, fits) {
  const end = items.findIndex((each) => !fits(each));
  return end < 0 ? items.length : end;
}

/** Messages one after the other that are not there any more. */
function deleted(lost) {
  const last = lost[lost.length - 1];
  const names = [...new Set(lost.map((each) => each.name))];
  const whose = names.length === 1 && names[0] ? [" of ", h("bdi", names[0])] : null;
  const one = lost.length === 1;
  return h("div.day.dim.small", one ? "A message" : plural(lost.length, "message"), whose, " (", one ? "" : "the last ", when(last.at), one ? ") was deleted" : ") were deleted",
    one && last.run_id ? [" ", h("a", { href: `/runs/${last.run_id}` }, "why")] : null);
}

function message(each, room) {
  const mine = each.from === "agent";
  const done = each.actions.filter((name) => name !== "REPLY");
  const name = mine ? h("a", { href: `/agents/${each.entity.id}` }, room.agent.name) : h("a", { href: `/people/${each.entity.id}` }, somebody(each.entity));
  return h(`div.message${mine ? ".you" : ""}${each.before_reset ? ".past" : ""}`, { id: `m-${each.id}` },
    h("div.small.message-who", name, each.by_console ? h("span.dim", " (said from here)") : null),
    h("div.bubble",
      each.reply_to ? h("div.quoted.small", each.reply_to.text === null ? h("span.dim", "in answer to a message that is gone") : [h("b", somebody(each.reply_to)), " ", each.reply_to.text]) : null,
      each.quotes.filter((quote) => quote.kind !== "reply" || !each.reply_to?.text).map((quote) => h("div.quoted.small", h("span.dim", `${QUOTED[quote.kind] ?? "quoted from"} ${quote.author || "somebody"}: `), quote.text)),
      each.tree ? markdown(each.tree) : h("div.plain-text", each.text),
      each.attachments.map(attachment),
      each.choices.length ? h("div.row.small", each.choices.map((label) => badge(label))) : null,
      done.length ? h("div.small.dim", `did: ${done.join(", ")}`) : null),
    h("div.message-foot.small.dim",
      when(each.created_at),
      each.edited ? h("span", { title: each.edited_at ? full(each.edited_at) : null }, "edited") : null,
      each.private ? badge("for one person", "accent") : null,
      each.note ? badge("note") : null,
      each.failure ? badge("could not answer", "bad") : null,
      each.before_reset ? h("span", "before the new beginning") : null,
      Object.entries(each.reactions).map(([sign, count]) => h("span.badge", `${sign} ${count}`)),
      delivery(each), outcome(each),
      each.run_id ? h("a", { href: `/runs/${each.run_id}` }, "why") : null));
}

function outcome(each) {
  if (each.done === undefined) return null;
  if (!each.done) return badge("waits for its turn", "warn");
  return each.outcome && each.outcome !== "answered" ? [badge(each.outcome, OUTCOMES[each.outcome] || "warn"), h("span", each.reason)] : null;
}

function delivery(each) {
  if (!each.parts.length) return null;
  const failed = each.parts.filter((part) => part.state === "failed");
  const waiting = each.parts.filter((part) => part.waits);
  const last = each.parts[each.parts.length - 1];
  const many = each.parts.length > 1 ? ` (${plural(each.parts.length, "part")})` : "";
  if (failed.length) return [badge(`not delivered${many}`, "bad"), h("span", failed[0].error)];
  if (waiting.length) return [badge(`waits to be sent${many}`, "warn"), waiting[0].error ? h("span", `${waiting[0].error} (${plural(waiting[0].attempts, "try", "tries")})`) : null];
  if (last.operation === "delete") return badge("taken back");
  const ids = each.parts.map((part) => part.platform_id).filter(Boolean).join(", ");
  return h("span", { title: ids ? `Id on the platform: ${ids}` : null }, `delivered${many}`);
}

function attachment(file) {
  const words = `${file.voice ? "voice message: " : ""}${file.name}${file.size ? ` (${bytes(file.size)})` : ""}`;
  const shown = file.url?.startsWith("/") && /^image\/(png|jpeg|gif|webp)$/.test(file.type)
    ? h("a", { href: file.url, target: "_blank" }, h("img", { src: file.url, alt: file.name, loading: "lazy" }))
    : file.url ? h("a", { href: file.url, target: "_blank", rel: "noopener noreferrer" }, words) : h("span", words);
  return h("div.attached.small", shown, file.seen ? h("details", h("summary.dim", "What the agent saw in it"), h("div.plain-text", file.seen)) : file.read ? h("div.dim", file.read) : null);
}

function about(room, address, changed) {
  return [
    panel("The agent here", facts([
      ["Agent", h("a", { href: `/agents/${room.agent.id}` }, room.agent.name)],
      ["On", `${platformName(room.source)}, ${kindOf(room)}`],
      ["In", room.world?.name ? h("a", { href: `/rooms?world=${room.world.id}` }, room.world.name) : null],
      ["Read by", readers(room)],
      ["Account", room.account],
      ["Channel", room.channel_id && h("span.mono", room.channel_id)],
      ["Thread", room.thread_id && h("span.mono", room.thread_id)],
      ["Waiting", room.waiting ? plural(room.waiting, "message") : null],
      ["To be sent", room.unsent ? plural(room.unsent, "part") : null],
      ["Begun anew", room.begins_at ? when(room.begins_at) : null],
    ]), settings(room, address, changed)),
    panel("Who may hear what", h("p", room.hearing.told), h("p.dim", room.hearing.recalled)),
    room.summary.length ? panel("In short", room.summary.map((part) => h("div", h("p.dim.small", when(part.from), " to ", when(part.to), `, ${plural(part.messages, "message")}`),
      part.text ? h("p.plain-text", part.text) : h("p.dim", part.state === "stale" ? "Something in it was edited or deleted; it is made anew." : "Too much was said at once to sum it up.")))) : null,
  ];
}

function settings(room, address, changed) {
  const choose = (now, options) => h("select", options.map(([value, words]) => h("option", { value, selected: value === String(now ?? "") }, words)));
  const state = choose(room.state, [["", "As the rules say"], ["FOLLOWED", "Look at every message"], ["MUTED", "Quiet unless mentioned"]]);
  const only = choose(room.settings.mention_only, [["", "As the bot is configured"], ["true", "Only when addressed"], ["false", "Also when not addressed"]]);
  const language = h("input", { value: room.settings.language ?? "", maxlength: 40, placeholder: "whatever people write in" });
  const save = async () => {
    const wanted = { language: language.value.trim() || null };
    if (!room.private) Object.assign(wanted, { state: state.value || null, mention_only: only.value ? only.value === "true" : null });
    changed(await patch(address, wanted));
    toast("Saved. It holds from the next message on.", "good");
  };
  return h("div.room-settings", room.private ? null : [field("Follow or mute", state), field("Answers", only)], field("Language of its answers", language), action("Save", save, { kind: "main" }));
}

function people(address, signal) {
  return list(`${address}/participants`, {
    query: { count: 20 }, signal, none: empty("Nobody is known here yet"),
    show: (items) => {
      const element = h("ul.people");
      const add = (more) => element.append(...more.map((each) => h("li", h("a", { href: each.agent ? `/agents/${each.id}` : `/people/${each.id}` }, somebody(each)),
        each.agent ? [" ", badge("the agent")] : null, each.role ? [" ", badge(each.role.toLowerCase(), "accent")] : null, each.linked ? [" ", badge("linked")] : null,
        h("div.small", accountsOf(each.accounts)))));
      add(items);
      return { element, add };
    },
  });
}
