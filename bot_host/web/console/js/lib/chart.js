// A bar chart of days: drawn in its own units, so that it fits every width; each bar tells its value.

import { h, svg } from "./dom.js";

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 62;
const BOTTOM = 26;
const TOP = 10;

/** A round number at or above `value`, and the steps up to it. */
export function scale(value) {
  if (!(value > 0)) return [0, 1];
  const size = 10 ** Math.floor(Math.log10(value));
  const step = [0.25, 0.5, 1, 2, 2.5, 5].map((each) => each * size).find((each) => each * 4 >= value) ?? size * 2.5;
  const count = Math.ceil(value / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

/** `bars([{ name, value, told }], { axis(value), label, none })`: `told` is what a bar says when it is chosen. */
export function bars(rows, { axis, label, start }) {
  const steps = scale(Math.max(...rows.map((row) => row.value), 0));
  const top = steps[steps.length - 1];
  const height = HEIGHT - BOTTOM - TOP;
  const y = (value) => TOP + height * (1 - value / top);
  const wide = (WIDTH - LEFT - 4) / rows.length;
  const told = h("p.chart-told", { "aria-live": "polite" }, start);
  const lines = steps.map((step) => [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y(step), y2: y(step), class: "chart-line" }),
    svg("text", { x: LEFT - 8, y: y(step) + 4, "text-anchor": "end", class: "chart-text" }, axis(step)),
  ]);
  const each = Math.max(1, Math.ceil(rows.length / 6));
  let places = [];
  const columns = rows.map((row, i) => {
    const x = LEFT + i * wide;
    const tall = Math.max(row.value > 0 ? 2 : 0, (row.value / top) * height);
    const place = svg("g", { class: "chart-bar", tabindex: i === rows.length - 1 ? "0" : "-1", role: "listitem", "aria-label": row.told },
      svg("rect", { x, y: TOP, width: wide, height, class: "chart-hit" }),
      svg("rect", { x: x + wide * 0.12, y: HEIGHT - BOTTOM - tall, width: wide * 0.76, height: tall, rx: Math.min(3, wide * 0.2) }));
    place.addEventListener("pointerenter", () => { told.textContent = row.told; });
    place.addEventListener("focus", () => { told.textContent = row.told; });
    place.addEventListener("click", () => { told.textContent = row.told; });
    place.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: rows.length - 1 }[event.key];
      if (to === undefined || !places[to]) return;
      event.preventDefault();
      place.setAttribute("tabindex", "-1");
      places[to].setAttribute("tabindex", "0");
      places[to].focus();
    });
    const name = (rows.length - 1 - i) % each === 0
      ? svg("text", { x: x + wide / 2, y: HEIGHT - 8, "text-anchor": i === rows.length - 1 && rows.length > 8 ? "end" : "middle", class: "chart-text" }, row.name) : null;
    return [place, name];
  });
  places = columns.map(([place]) => place);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "list", "aria-label": label },
    lines, columns);
  drawing.addEventListener("pointerleave", () => { told.textContent = start; });
  return h("div.chart-box", drawing, told);
}
