// Facts, newest first.

import { fill, h } from "../../lib/dom.js";
import { empty, field, list, loaded } from "../../lib/parts.js";
import { remember } from "../../lib/router.js";
import { cards, meant, memory, personPicker } from "./parts.js";

const EARS = [["", "Anybody"], ["entity", "One person in private"], ["room", "A room"], ["world", "A server"], ["agent", "Everybody"]];

export function facts({ agent, query, signal }) {
  return loaded(() => meant(agent, { person: query.person }, signal), (known) => {
    const wanted = { person: known.person?.id ?? "", audience: query.audience ?? "" };
    const place = h("div");
    const run = () => {
      remember(wanted);
      const narrowed = wanted.person || wanted.audience;
      fill(place, list("/api/v1/facts", { query: { agent: agent.id, ...wanted }, signal, show: cards((each) => memory(each, agent)), none: narrowed ? empty("No such fact", "Nothing fits to what is chosen above.") : empty("No facts yet", "Facts are learned in conversations, and when somebody asks the agent to remember something. They appear here with the message that they came from.") }));
    };
    const select = h("select", { onchange: () => { wanted.audience = select.value; run(); } }, EARS.map(([key, words]) => h("option", { value: key, selected: key === wanted.audience }, words)));
    run();
    return h("div", h("div.grid.narrow", personPicker(agent, { name: "Told by", chosen: known.person, onchoose: (one) => { wanted.person = one?.id ?? ""; run(); } }), field("Heard by", select)), place);
  });
}
