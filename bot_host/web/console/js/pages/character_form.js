// A character as a form: one line for each entry of a list.

import { h } from "../lib/dom.js";
import { badge, field, panel } from "../lib/parts.js";

// A line break within an entry is written as \n, so that each entry has one line.
const toLine = (text) => text.replace(/\\(?=[\\n])/g, "\\\\").replace(/\n/g, "\\n");
const fromLine = (line) => line.replace(/\\([\\n])/g, (_, sign) => (sign === "n" ? "\n" : "\\"));
const toLines = (items) => (items ?? []).map(toLine).join("\n");
const fromLines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean).map(fromLine);

/** `form(values, changed)`: its fields change `values` in place, then `changed(problem)` is called. */
export function form(values, changed) {
  const problems = new Map();
  const tell = () => changed([...problems.values()][0] ?? "");
  const set = (key, value) => {
    const nothing = value === "" || value === null || (Array.isArray(value) && !value.length) || (typeof value === "object" && !Object.keys(value).length);
    if (nothing) delete values[key]; else values[key] = value;
    tell();
  };
  const area = (text, rows, oninput, more = {}) => h("textarea", { value: text, rows, oninput: (event) => oninput(event.target.value), ...more });
  const lines = (name, key, hint, rows = 4) => field(name, area(toLines(values[key]), rows, (text) => set(key, fromLines(text))), hint);
  const style = (name, key, hint) => field(name, area(toLines(values.style?.[key]), 3, (text) => {
    const given = { ...values.style, [key]: fromLines(text) };
    if (!given[key].length) delete given[key];
    set("style", given);
  }), hint);
  const json = (name, key, hidden, hint) => {
    const own = Object.fromEntries(Object.entries(values[key] ?? {}).filter(([inner]) => inner !== hidden));
    const kept = hidden && values[key]?.[hidden] ? { [hidden]: values[key][hidden] } : {};
    const error = h("span.field-error", { hidden: true });
    const input = area(Object.keys(own).length ? JSON.stringify(own, null, 2) : "", 4, (text) => {
      try {
        const read = text.trim() ? JSON.parse(text) : {};
        if (read === null || typeof read !== "object" || Array.isArray(read)) throw new SyntaxError("expected { … }");
        problems.delete(key);
        error.hidden = true;
        set(key, { ...read, ...kept });
      } catch (problem) {
        problems.set(key, `${name}: ${problem.message}`);
        error.textContent = problem.message;
        error.hidden = false;
        tell();
      }
    }, { class: "code", spellcheck: "false" });
    return h("div", field(name, input, hint), error);
  };
  const secrets = [...Object.keys(values.secrets ?? {}), ...Object.keys(values.settings?.secrets ?? {})];
  return h("div",
    panel("Who it is",
      field("Name", h("input", { value: values.name ?? "", maxlength: 100, required: true, oninput: (event) => { values.name = event.target.value; tell(); } }), "In rooms of several people it knows itself by this name."),
      field("System prompt", area(values.system ?? "", 7, (text) => set("system", text)), "The first words of each prompt: who the agent is and what it must always do."),
      lines("Bio", "bio", "What it is for and where it comes from. One line for each."),
      h("div.grid", lines("Topics", "topics", "What it likes to talk about."), lines("Adjectives", "adjectives", "What it is like."))),
    panel("How it writes",
      style("Everywhere", "all", "One line for each rule."),
      h("div.grid", style("In chats", "chat"), style("In posts", "post")),
      talks(values, set),
      lines("Examples of posts", "post_examples", "", 2)),
    panel("What it knows and uses",
      field("Knowledge", area((values.knowledge ?? []).map((each) => (typeof each === "string" ? toLine(each) : JSON.stringify(each))).join("\n"), 3, (text) => set("knowledge", fromKnowledge(text))), "A fact on each line, or a file or folder as {\"path\": \"notes.md\"} or {\"directory\": \"docs\"}; paths count from the character's file."),
      lines("Plugins", "plugins", "By name; they come with the agent's next start.", 2),
      json("Settings", "settings", "secrets", "What plugins read, as JSON. What looks like a secret is shown as *** and stays as it is."),
      json("Templates", "templates", null, "Own prompts and sentences by name, as JSON, such as failureMessage."),
      secrets.length ? h("p.small", "Secrets that stay as they are: ", secrets.map((name) => [badge(name), " "])) : null,
      h("p.dim.small", "New secrets are not taken here: put them into ", h("code", ".env"), " beside config.toml.")));
}

function fromKnowledge(text) {
  return fromLines(text).map((line) => {
    if (!line.startsWith("{")) return line;
    try { return JSON.parse(line); } catch { return line; }
  });
}

/** Example conversations: each a text of `Name: what is said`. */
function talks(values, set) {
  const place = h("div.stack");
  const all = () => [...place.querySelectorAll("textarea")].map((input) => input.read()).filter((talk) => talk.length);
  const changed = () => set("message_examples", all());
  const add = (talk, focus) => {
    const input = h("textarea", { rows: Math.max(3, talk.length + 1), value: talk.map((each) => `${each.name}: ${toLine(each.content.text ?? "")}`).join("\n"), oninput: changed, "aria-label": "Example conversation" });
    input.read = () => fromTalk(input.value, talk);
    const row = h("div.stack", input, h("div.row", h("button.link.small", { type: "button", onclick: () => { row.remove(); changed(); } }, "Remove this conversation")));
    place.append(row);
    if (focus) input.focus();
  };
  for (const talk of values.message_examples ?? []) add(talk, false);
  const more = h("button", { type: "button", onclick: () => add([], true) }, "Add a conversation");
  return h("div.stack", h("b", "Example conversations"), h("span.dim.small", "A line for each who speaks, as Name: what is said. {{name1}} stands for whoever is there."), place, h("div.row", more), h("hr"));
}

function fromTalk(text, before) {
  return text.split("\n").filter((line) => line.trim()).map((line, i) => {
    const [, name, said] = /^([^:]{1,100}):\s?(.*)$/.exec(line) ?? [null, "{{name1}}", line];
    const old = before[i]?.name === name.trim() ? before[i] : {};
    return { ...old, name: name.trim(), content: { ...old.content, text: fromLine(said) } };
  });
}
