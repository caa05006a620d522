// Numbers, times and sizes as people read them, in the viewer's own language and time zone.

import { h } from "./dom.js";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const SHORT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

const at = (iso) => (iso instanceof Date ? iso : new Date(iso));

/** `3 min ago`, with the full time when pointed at. */
export function ago(iso) {
  if (!iso) return h("span.dim", "never");
  const moment = at(iso);
  return h("time", { datetime: moment.toISOString(), title: DAY.format(moment) }, relative(moment));
}

export function relative(moment) {
  const seconds = (at(moment) - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return AGO.format(Math.round(seconds), "second");
  if (size < 2700) return AGO.format(Math.round(seconds / 60), "minute");
  if (size < 79200) return AGO.format(Math.round(seconds / 3600), "hour");
  return size < 2592000 ? AGO.format(Math.round(seconds / 86400), "day") : SHORT.format(at(moment));
}

/** The moment itself: today as a time, else with its day. */
export function when(iso) {
  if (!iso) return h("span.dim", "–");
  const moment = at(iso);
  const today = moment.toDateString() === new Date().toDateString();
  return h("time", { datetime: moment.toISOString(), title: DAY.format(moment) }, (today ? CLOCK : SHORT).format(moment));
}

export const full = (iso) => DAY.format(at(iso));
export const number = (value, digits = 0) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value));

/** Costs in US dollars, as the prices of the configuration are; unknown ones are not nothing. */
export function money(value) {
  if (value === null || value === undefined) return "not known";
  const digits = value !== 0 && Math.abs(value) < 0.1 ? 4 : 2;
  return new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: digits }).format(value);
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${number(ms, ms < 10 ? 1 : 0)} ms`;
  const seconds = ms / 1000;
  if (seconds < 90) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  const minutes = seconds / 60;
  if (minutes < 90) return `${number(minutes)} min`;
  const hours = minutes / 60;
  return hours < 36 ? `${number(hours, 1)} h` : `${number(hours / 24, 1)} days`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${number(size, unit && size < 10 ? 1 : 0)} ${units[unit]}`;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
