// Elements made from what they are, never from markup: text of a platform stays text, whatever it says.

const PROPS = new Set(["value", "checked", "disabled", "selected", "open", "hidden", "htmlFor", "indeterminate"]);

/** An element: `h("a.badge.good", { href, onclick }, "text", child, [more])`. */
export function h(spec, attributes = {}, ...children) {
  if (attributes instanceof Node || typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) {
    children.unshift(attributes);
    attributes = {};
  }
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "href") element.setAttribute("href", safeLink(value));
    else if (name === "data") for (const [key, part] of Object.entries(value)) element.dataset[key] = part;
    else if (name === "class") element.className = [element.className, value].filter(Boolean).join(" ");
    else if (PROPS.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false || child === "") continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** What a link may lead to; anything else leads nowhere. */
export function safeLink(address) {
  try {
    const url = new URL(address, location.href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? address : "#";
  } catch {
    return "#";
  }
}

/** Put these in the place of all that is in `element`. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  chat: "M4 5h16v11H9l-5 4z",
  rooms: "M9 4 7 20M17 4l-2 16M4 9h17M3 15h17",
  runs: "M4 6h10M4 12h16M4 18h7M18 4v4M14 16v4",
  agents: "M12 3v3M5 8h14v11H5zM9 13h.01M15 13h.01M9 16h6",
  memory: "M12 4c4.4 0 8 1.3 8 3s-3.6 3-8 3-8-1.3-8-3 3.6-3 8-3zM4 7v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  costs: "M4 20V10M10 20V4M16 20v-7M22 20H2",
  logs: "M5 4h14v16H5zM8 8h8M8 12h8M8 16h5",
  attach: "M8 12.5 14.5 6a3 3 0 0 1 4.2 4.2l-8.7 8.7a5 5 0 0 1-7-7L11 4",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
};

/** One of the console's signs; for the eye alone. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}

/** An element of a drawing: `svg("rect", { x: 1 })`. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  append(element, children);
  return element;
}
