// What the agents remember: searched as they search it, put right, handed over, erased.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { number, plural } from "../lib/format.js";
import { empty, loaded, note, tabs, tile } from "../lib/parts.js";
import { go, remember } from "../lib/router.js";
import { facts } from "./memory/facts.js";
import { knowledge } from "./memory/knowledge.js";
import { people } from "./memory/people.js";
import { relationships } from "./memory/relationships.js";
import { search } from "./memory/search.js";
import { summaries } from "./memory/summaries.js";

const TABS = [
  ["search", "Search", search],
  ["facts", "Facts", facts],
  ["relationships", "Relationships", relationships],
  ["summaries", "Summaries", summaries],
  ["knowledge", "Knowledge", knowledge],
  ["people", "People", people],
];

export async function render(view, { query, signal }) {
  const { agents } = await get("/api/v1/agents", {}, { signal });
  if (!agents.length) {
    fill(view, h("h1", "Memory"), empty("No agent is here", "Start the host with an agent, and come back."));
    return "Memory";
  }
  const agent = agents.find((each) => each.id === query.agent || each.name === query.agent) ?? agents[0];
  const choose = h("select", { "aria-label": "Agent", onchange: (event) => go(`/memory?agent=${event.target.value}&tab=${now}`) },
    agents.map((each) => h("option", { value: each.id, selected: each === agent }, each.name)));
  let now = TABS.some(([name]) => name === query.tab) ? query.tab : "search";
  let stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const show = (name, page) => () => {
    stop.abort();
    stop = new AbortController();
    return page({ agent, query: name === query.tab || name === "search" ? query : {}, signal: stop.signal });
  };
  fill(view,
    h("div.head", h("h1.grow", "Memory"), agents.length > 1 ? choose : h("span.dim", agent.name)),
    loaded(() => get("/api/v1/memories/state", { agent: agent.id }, { signal }), state),
    tabs(TABS.map(([name, words, page]) => [words, show(name, page)]), {
      chosen: TABS.findIndex(([name]) => name === now),
      onchoose: (index) => { now = TABS[index][0]; remember({ tab: now === "search" ? "" : now }); },
    }));
  return "Memory";
}

function state(found) {
  const vectors = found.embeddings;
  const waiting = [vectors.waiting ? `${number(vectors.waiting)} waiting` : "", vectors.failed ? `${number(vectors.failed)} failed` : ""].filter(Boolean).join(", ");
  const kept = found.retention ? (found.retention.messages ? plural(found.retention.messages, "day") : "for ever") : null;
  const meaning = vectors.model || vectors.provider ? "on" : "off";
  const gist = [plural(found.counts.fact ?? 0, "fact"), plural(found.counts.fragment ?? 0, "part of documents", "parts of documents"), `search by meaning ${meaning}`, waiting, `summaries ${found.summaries.provider ? "on" : "off"}`, kept ? `messages kept ${kept}` : ""].filter(Boolean).join(" · ");
  return [
    h("details.memory-state", h("summary.small.dim", gist), h("div.tiles",
      tile("Search by meaning", meaning, vectors.model ? `${vectors.model}${waiting ? ` · ${waiting}` : ""}` : vectors.provider ? waiting || `by ${vectors.provider}, nothing yet` : "No embedding model is set up: searches go by words."),
      tile("Summaries", found.summaries.provider ? "on" : "off", found.summaries.provider ? `by ${found.summaries.provider}` : "They are off, or no language model is set up."),
      kept ? tile("Messages are kept", kept, `In days: ${found.retention.words}.`) : null)),
    vectors.next_model ? h("div.note", h("p", "All memories get new vectors, of ", h("b", vectors.next_model), ": ", plural(vectors.done, "memory", "memories"), ` of ${number(vectors.total)} are done. Until then searches go by the old ones.`), h("progress", { max: Math.max(vectors.total, 1), value: vectors.done, "aria-label": "New vectors" })) : null,
    vectors.error ? note(`No new vectors are made just now: ${vectors.error}`, "warn") : null,
    vectors.failures.length ? h("details.note.warn", h("summary", `${plural(vectors.failed, "memory", "memories")} could not get a vector`), h("ul", vectors.failures.map((each) => h("li.small", h("code", each.id), " ", each.error)))) : null,
  ];
}
