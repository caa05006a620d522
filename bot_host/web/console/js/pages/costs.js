// What the models cost: by day as a chart, and added up by whatever one asks.

import { fill, h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { bars } from "../lib/chart.js";
import { money, number, plural } from "../lib/format.js";
import { busy, empty, failure, field, panel, table, tile } from "../lib/parts.js";
import { find, remember } from "../lib/router.js";

const PERIODS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["own", "Own dates"]];
const BY = [["model", "Model"], ["agent", "Agent"], ["room", "Room"], ["person", "Person"], ["day", "Day"]];
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeZone: "UTC" });

const iso = (moment) => moment.toISOString().slice(0, 10);
const ago = (days) => iso(new Date(Date.now() - days * 86400000));
const tokens = (row) => row.prompt_tokens + row.completion_tokens;

export async function render(view, { query, signal }) {
  const chosen = {
    period: PERIODS.some(([name]) => name === query.period) ? query.period : "30",
    by: BY.some(([name]) => name === query.by) ? query.by : "model",
    agent: query.agent ?? "", since: query.since ?? ago(6), until: query.until ?? ago(0), count: 50,
  };
  const { agents } = await get("/api/v1/agents", {}, { signal });
  const place = h("div", busy());
  let asked = 0;
  const asks = () => {
    const own = chosen.period === "own";
    return { since: own ? chosen.since : ago(Number(chosen.period) - 1), until: own ? chosen.until : ago(0), by: chosen.by, agent: chosen.agent };
  };
  const load = async () => {
    const mine = ++asked;
    const own = chosen.period === "own";
    remember({ period: chosen.period === "30" ? "" : chosen.period, by: chosen.by === "model" ? "" : chosen.by, agent: chosen.agent, since: own ? chosen.since : "", until: own ? chosen.until : "" });
    try {
      const found = await get("/api/v1/costs", { ...asks(), count: chosen.count }, { signal });
      if (mine === asked) fill(place, draw(found, chosen, change, asks()));
    } catch (error) {
      if (error.name !== "AbortError" && mine === asked) fill(place, failure(error, load));
    }
  };
  const change = (more) => { Object.assign(chosen, { count: 50 }, more); mark(); load(); };
  const dates = h("div.row", ...["since", "until"].map((name) => field(name === "since" ? "From" : "To", h("input", { type: "date", value: chosen[name], required: true, onchange: (event) => { if (event.target.value) change({ [name]: event.target.value }); } }))));
  const periods = group("Period", PERIODS, (name) => change({ period: name }));
  const mark = () => {
    periods.mark(chosen.period);
    dates.hidden = chosen.period !== "own";
  };
  const who = h("select", { "aria-label": "Agent", onchange: (event) => change({ agent: event.target.value }) },
    h("option", { value: "" }, "All agents"), agents.map((agent) => h("option", { value: agent.id, selected: agent.id === chosen.agent }, agent.name)));
  view.append(h("div.head", h("h1.grow", "Costs"), agents.length > 1 ? who : null), h("div.row.costs-choice", periods.element, dates), place);
  mark();
  await load();
  return "Costs";
}

/** Buttons of which one is pressed. */
function group(label, names, onchoose) {
  const buttons = names.map(([name, words]) => h("button", { type: "button", data: { name }, onclick: () => onchoose(name) }, words));
  return {
    element: h("div.row.choices", { role: "group", "aria-label": label }, buttons),
    mark: (chosen) => { for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.name === chosen)); },
  };
}

function draw(found, chosen, change, asks) {
  const { total, days, items, rest } = found;
  if (!total.calls) {
    return empty("No model was asked in this time", h("p", "Costs are added up from the first answer on. ", h("a", { href: "/chat" }, "Talk to an agent"), ", or choose another period."));
  }
  const priced = total.cost !== null && total.cost > 0;
  const file = `/api/v1/costs.csv?${new URLSearchParams(Object.entries(asks).filter(([, value]) => value))}`;
  const by = group("Added up by", BY, (name) => change({ by: name }));
  by.mark(chosen.by);
  const listed = chosen.by === "day" ? [...items].filter((row) => row.calls).reverse() : items;
  return [
    h("div.tiles",
      tile("Cost", money(total.cost), days.length > 1 && priced ? `${money(total.cost / days.length)} a day` : null),
      tile("Tokens in", number(total.prompt_tokens)),
      tile("Tokens out", number(total.completion_tokens)),
      tile("Calls", number(total.calls), total.failed ? `${number(total.failed)} failed` : "none failed")),
    unpriced(total),
    days.length > 1 ? panel(priced ? "Cost by day" : "Tokens by day", chart(days, priced)) : null,
    h("section.panel",
      h("div.head", h("h2.grow", "Added up by"), h("a.button", { href: file, download: "" }, "Download as CSV")),
      by.element, sums(listed, rest, chosen.by),
      rest && chosen.count < 200 ? h("p", h("button", { type: "button", onclick: () => change({ count: 200 }) }, "Show more")) : null,
      h("p.dim.small", "Days are UTC days, as for the limits of the configuration. Costs are in US dollars, by the prices that the model's server tells or the configuration has.")),
  ];
}

function unpriced(total) {
  if (!total.unpriced) return null;
  const which = total.cost === null ? "No call has a price" : `${plural(total.unpriced, "call has", "calls have")} no price, and ${total.unpriced === 1 ? "is" : "are"} not in the cost`;
  return h("p.note.warn", `${which}. Put the price of the model into `, h("code", "prices"), " of ", h("code", "[models.openai]"), " in config.toml; it counts from then on.");
}

function chart(days, priced) {
  const rows = days.map((row) => ({
    name: DAY.format(new Date(row.key)),
    value: priced ? row.cost ?? 0 : tokens(row),
    told: `${LONG.format(new Date(row.key))}: ${row.calls ? `${money(row.cost)}, ${plural(tokens(row), "token")}, ${plural(row.calls, "call")}` : "no calls"}`,
  }));
  return bars(rows, {
    axis: priced ? money : (value) => new Intl.NumberFormat(undefined, { notation: "compact" }).format(value),
    label: priced ? "Cost of each day" : "Tokens of each day",
    start: "Point at a day, or go through the days with the arrow keys.",
  });
}

function sums(items, rest, by) {
  const rows = rest ? [...items, { ...rest, rest: true }] : items;
  const columns = [
    { label: BY.find(([name]) => name === by)[1], cell: (row) => (row.rest ? h("span.dim", "All others") : named(row, by)) },
    { label: "Cost", num: true, cell: (row) => cost(row) },
    { label: "Tokens in", num: true, cell: (row) => number(row.prompt_tokens) },
    { label: "Tokens out", num: true, cell: (row) => number(row.completion_tokens) },
    { label: "Calls", num: true, cell: (row) => (row.failed ? [number(row.calls), h("span.dim", ` (${number(row.failed)} failed)`)] : number(row.calls)) },
  ];
  return table(columns, rows, { label: `Costs by ${by}` }).element;
}

function cost(row) {
  return row.unpriced && row.cost !== null ? [money(row.cost), h("span.dim", { title: "Some calls have no price" }, " +")] : money(row.cost);
}

/** What a row is of, with a link to it where there is a page for it. */
function named(row, by) {
  const more = [row.source, row.agent].filter(Boolean).join(" · ");
  const beside = more ? h("span.dim.small", ` ${more}`) : null;
  if (by === "day") return DAY.format(new Date(row.key));
  if (by === "model") return h("span", row.key || h("span.dim", "No model answered"), beside);
  if (!row.key) return h("span.dim", by === "person" ? "Nobody, or erased" : "No room, or erased");
  if (by === "agent") return link(`/agents/${row.key}`, row.name || row.key);
  if (by === "room") return h("span", row.key === row.agent_id ? "Outside of rooms" : link(`/rooms/${row.key}`, row.name || "A room without a name"), beside);
  return h("span", link(`/people/${row.key}`, row.name || "Somebody without a name"), beside);
}

const link = (address, words) => (find(address) ? h("a", { href: address }, words) : words);
