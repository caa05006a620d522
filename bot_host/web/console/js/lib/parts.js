// The parts that pages are made of.

import { fill, h } from "./dom.js";
import { get } from "./api.js";

export const busy = (words = "Loading …") => h("div.busy", { role: "status" }, words);
export const badge = (words, kind = "") => h(`span.badge${kind ? `.${kind}` : ""}`, words);
export const note = (words, kind = "") => h(`p.note${kind ? `.${kind}` : ""}`, { role: kind === "bad" ? "alert" : null }, words);
export const panel = (title, ...children) => h("section.panel", title ? h("h2", title) : null, children);
export const tile = (name, value, more) => h("div.tile", h("span.dim.small", name), h("b", value), more ? h("span.dim.small", more) : null);

/** Nothing there yet, and what to do about it. */
export const empty = (title, ...words) => h("div.empty", h("b", title), words);

/** What went wrong, and a way to try again. */
export function failure(error, again) {
  return h("div.note.bad", { role: "alert" }, h("p", error.message), again ? h("button", { type: "button", onclick: again }, "Try again") : null);
}

/** Names and values: `facts([["Room", "general"], …])`; empty values are left out. */
export const facts = (pairs) => h("dl.facts", pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", name), h("dd", value)]));

export const OUTCOMES = { answered: "good", ignored: "", superseded: "", failed: "bad" };
export const STATES = { connected: "good", starting: "warn", reconnecting: "warn", stopped: "", failed: "bad", off: "" };

/** A table: `columns` are `{ label, cell(row), num }`; `open(row)`: where a row leads. On phones rows are cards. */
export function table(columns, rows, { open, label } = {}) {
  const body = h("tbody");
  const add = (more) => {
    for (const row of more) {
      const cells = columns.map((column, i) => {
        const value = column.cell(row);
        const content = i === 0 && open ? h("a", { href: open(row) }, value) : value;
        return h(`td${column.num ? ".num" : ""}`, { "data-label": column.label }, content);
      });
      body.append(h(open ? "tr.clickable" : "tr", { onclick: open ? (event) => followRow(event, open(row)) : null }, cells));
    }
  };
  add(rows);
  const element = h("div.table-wrap", h("table.cards", { "aria-label": label }, h("thead", h("tr", columns.map((column) => h(`th${column.num ? ".num" : ""}`, { scope: "col" }, column.label)))), body));
  return { element, add };
}

function followRow(event, address) {
  if (event.target.closest("a, button, input, select, summary") || String(getSelection())) return;
  event.currentTarget.querySelector("a")?.click();
}

/**
 * A long list that is read page by page: `list("/api/v1/runs", { query, columns, open, none })`.
 * Its element has a button for more, which the end of the page also presses.
 */
export function list(path, { query = {}, columns, open, none, label, show, signal }) {
  const place = h("div", busy());
  let view = null;
  const load = async (after) => {
    const more = place.querySelector(".more");
    if (more) { more.disabled = true; more.textContent = "Loading …"; }
    try {
      const found = await get(path, { ...query, after }, { signal });
      if (!after) {
        if (!found.items.length) { fill(place, none ?? empty("Nothing here yet")); return; }
        view = show ? show(found.items) : table(columns, found.items, { open, label });
        fill(place, view.element);
      } else {
        view.add(found.items);
      }
      place.querySelector(".more")?.remove();
      if (found.next) place.append(h("button.more", { type: "button", onclick: () => load(found.next) }, "Show more"));
    } catch (error) {
      if (error.name === "AbortError") return;
      place.querySelector(".more")?.remove();
      if (after) place.append(failure(error, (event) => { event.target.closest(".note").remove(); load(after); }));
      else fill(place, failure(error, () => { fill(place, busy()); load(""); }));
    }
  };
  load("");
  return place;
}

/** Fill a place with what is loaded; a failure can be tried again. */
export function loaded(load, show) {
  const place = h("div", busy());
  const run = async () => {
    try {
      fill(place, await show(await load(), run));
    } catch (error) {
      if (error.name !== "AbortError") fill(place, failure(error, () => { fill(place, busy()); run(); }));
    }
  };
  run();
  return place;
}

/** Tabs by keyboard, too: `tabs([["Form", () => element], …])`. */
export function tabs(parts, { chosen = 0, onchoose = () => {} } = {}) {
  const body = h("div", { role: "tabpanel" });
  const choose = (index, focus) => {
    buttons.forEach((button, i) => { button.setAttribute("aria-selected", String(i === index)); button.tabIndex = i === index ? 0 : -1; });
    if (focus) buttons[index].focus();
    fill(body, parts[index][1]());
    onchoose(index);
  };
  const buttons = parts.map(([name], i) => h("button", {
    type: "button", role: "tab", onclick: () => choose(i),
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) choose((i + step + parts.length) % parts.length, true);
    },
  }, name));
  const element = h("div", h("div.tabs", { role: "tablist" }, buttons), body);
  choose(chosen);
  return element;
}

export function toast(words, kind = "") {
  let place = document.querySelector(".toasts");
  if (!place) document.body.append(place = h("div.toasts", { role: "status", "aria-live": "polite" }));
  const element = h(`div.toast${kind ? `.${kind}` : ""}`, words);
  place.append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 10000 : 5000);
}

/** Ask before something that cannot be undone; true if it is wanted. */
export function confirmed(title, words, action, { danger = true } = {}) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), h("div", words),
      h("form.row", { method: "dialog" },
        h(`button.${danger ? "danger" : "main"}`, { value: "yes" }, action), h("button", { value: "no", autofocus: true }, "Cancel")));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes"); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A labelled input: `field("Name", h("input"), "a hint")`. */
export const field = (name, input, hint) => h("label.field", name, input, hint ? h("span.hint", hint) : null);

/** A button that is busy while its work lasts, and says what went wrong. */
export function action(words, work, { kind = "" } = {}) {
  const button = h(`button${kind ? `.${kind}` : ""}`, { type: "button" }, words);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try { await work(); } catch (error) { if (error.name !== "AbortError") toast(error.message, "bad"); } finally { button.disabled = false; }
  });
  return button;
}

export async function download(path, name) {
  const link = h("a", { href: path, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
