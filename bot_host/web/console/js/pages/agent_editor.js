// A character, changed as a form or as text; both say the same.

import { fill, h } from "../lib/dom.js";
import { post, put } from "../lib/api.js";
import { action, failure, note, tabs, toast } from "../lib/parts.js";
import { form } from "./character_form.js";

const WAIT_MS = 600;

/** Both views of a character, checked while it is written. `state`: `{ values, text, format }`. */
export function bothViews(state, { agent = "", signal, onchange = () => {} }) {
  const place = h("div");
  const faults = h("div", { role: "status", "aria-live": "polite" });
  let inText = false;
  let stale = false;
  let timer = 0;
  let turn = 0;
  const body = () => (inText ? { text: state.text, format: state.format } : { character: state.values, format: state.format });
  async function check() {
    clearTimeout(timer);
    const mine = ++turn;
    const found = await post("/api/v1/characters/check", body(), { query: { agent }, signal });
    if (mine !== turn) return false;
    state.ok = found.ok;
    if (found.ok) {
      stale = false;
      if (inText) state.values = found.character; else state.text = found.text;
    }
    fill(faults, found.ok ? null : h("div.note.bad", h("b", "This does not fit yet:"), h("ul.faults", found.faults.map((each) => h("li", each)))));
    onchange();
    return found.ok;
  }
  function changed(problem = "") {
    state.dirty = true;
    stale = true;
    state.ok = !problem;
    clearTimeout(timer);
    turn += 1;
    if (problem) fill(faults, note(problem, "bad"));
    else timer = setTimeout(() => check().catch((error) => { if (error.name !== "AbortError") fill(faults, failure(error, check)); }), WAIT_MS);
    onchange();
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  const text = () => h("label.field", `As the text of a ${state.format === "json" ? "JSON" : "TOML"} file`,
    h("textarea.code", { rows: 26, value: state.text, spellcheck: "false", oninput: (event) => { state.text = event.target.value; changed(); } }),
    h("span.hint", "Secrets are shown as *** and stay as they are. Comments of the file are not shown here, and stay in it."));
  const draw = () => fill(place, inText ? text() : form(state.values, changed));
  const choose = async (wanted) => {
    if (wanted === inText) return;
    try {
      if (stale && !await check()) { toast("Mend what does not fit first: the other view could not show it.", "bad"); pick(inText); return; }
      inText = wanted;
      draw();
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, "bad");
    }
    pick(inText);
  };
  const button = (words, wanted) => h("button", { type: "button", onclick: () => choose(wanted) }, words);
  const views = [button("Form", false), button("Text", true)];
  const pick = (now) => views.forEach((each, i) => { each.setAttribute("aria-pressed", String(Boolean(i) === now)); each.classList.toggle("main", Boolean(i) === now); });
  pick(false);
  draw();
  return { element: h("div", h("div.row", { role: "group", "aria-label": "View" }, views), h("p"), place, faults), body, check };
}

/** The character of an agent that is there. `saved(agent)`: it was changed; `refresh()`: read it again. */
export function editor(agent, { signal, saved, refresh }) {
  const state = { values: structuredClone(agent.character), text: agent.text, format: agent.format, ok: true, dirty: false };
  const into = h("input", { type: "checkbox" });
  const remark = h("input", { maxlength: 200, placeholder: "Why (optional)", "aria-label": "Why, for the versions" });
  const said = h("span.dim.grow", "No changes yet.");
  const problem = h("div", { role: "alert" });
  const views = bothViews(state, { agent: agent.id, signal, onchange: () => {
    save.disabled = !state.dirty || !state.ok;
    said.textContent = !state.dirty ? "No changes yet." : state.ok ? "Changed, not saved." : "Something does not fit yet.";
  } });
  const save = action("Save", async () => {
    fill(problem);
    try {
      const found = await put(`/api/v1/agents/${agent.id}`, { ...views.body(), version: agent.version, into_file: into.checked, note: remark.value });
      state.dirty = false;
      toast(found.backup ? `Saved into the file. A copy of it as it was: ${found.backup}` : found.version === agent.version ? "Nothing differs from what was there." : "Saved. The next answer is given by it.", "good");
      saved(found);
    } catch (error) {
      if (error.status !== 409) throw error;
      fill(problem, h("div.note.bad", h("p", error.message), h("button", { type: "button", onclick: () => { state.dirty = false; refresh(); } }, "Load it again (what you wrote here is lost)")));
    }
  }, { kind: "main" });
  save.disabled = true;
  const leaving = (event) => { if (state.dirty) event.preventDefault(); };
  addEventListener("beforeunload", leaving, { signal });
  return h("div", ...counts(agent), views.element, problem,
    h("div.save-bar.row", save, said, remark, agent.file ? h("label", into, `Write it into ${agent.file.name}, too`) : null));
}

/** Which of them counts: the file or what was changed here. */
function counts(agent) {
  const found = [];
  if (!agent.file) {
    found.push(note("This agent comes from code. Changes are kept in the database and hold over restarts, until the code gives it another character."));
  } else if (agent.edited.length) {
    found.push(note(["Changed here, and not in ", h("code", agent.file.name), ": ", h("b", agent.edited.join(", ")), ". These changes count, over restarts too, until the file is changed: then the file counts. Save with “Write it into the file” to have both say the same."], "warn"));
  } else {
    found.push(h("p.dim", "From ", h("code", agent.file.path), ". A change counts at once. Without “Write it into the file” the database keeps it, until somebody changes the file: then the file counts."));
  }
  if (agent.file?.changed) {
    found.push(note(agent.file.fault ? `The file cannot be read any more, and the host would not start with it: ${agent.file.fault}` : "The file was changed since the agent was started: it counts from the host's next start, and what was changed here ends then.", agent.file.fault ? "bad" : "warn"));
  }
  return found;
}
