// Words and parts for rooms and people, wherever they are shown.

import { h } from "./dom.js";
import { badge } from "./parts.js";

const KINDS = {
  DM: "private chat", VOICE_DM: "private call", GROUP: "channel", VOICE_GROUP: "voice channel", THREAD: "thread",
  FORUM: "forum", FEED: "feed", WORLD: "world", SELF: "notes of its own", API: "API",
};
const PLATFORMS = { discord: "Discord", telegram: "Telegram", slack: "Slack", terminal: "Terminal", web: "Web" };
export const AUDIENCES = {
  entity: "the person alone", room: "whoever is in the room", world: "all of the server or group", agent: "everybody",
};

export const platformName = (name) => PLATFORMS[name] ?? name;
export const platformNames = () => Object.entries(PLATFORMS);
export const kindOf = (room) => KINDS[room.type] ?? room.type.toLowerCase();
// Names run from the left or from the right: each by itself, whatever stands around it.
export const somebody = (person) => (person?.name ? h("bdi", person.name) : h("span.dim", "somebody"));

/** Who can read the room, as the platform says. */
export function readers(room) {
  if (room.private) return h("span.dim", "private");
  if (room.open) return badge("open to all", "good");
  return room.open === false ? badge("closed") : h("span.dim", "not known");
}

/** What is special about how the agent is in a room. */
export function standing(room) {
  if (!room.closed && !room.state) return "";
  return h("span",
    room.closed ? [badge("takes nothing", "bad"), " "] : null,
    room.state === "FOLLOWED" ? badge("followed", "accent") : null,
    room.state === "MUTED" ? badge("muted", "warn") : null);
}

/** The accounts that a person is known by. */
export function accountsOf(accounts) {
  return accounts.map((each) => h("span.nowrap", platformName(each.platform), " ",
    h("span.dim", each.user_name ? `@${each.user_name}` : each.name ?? "", each.id ? ` (${each.id})` : ""), each.bot ? [" ", badge("bot")] : null, " "));
}
