// Which page an address shows. Pages are modules, loaded when they are first asked for.

const routes = [];

/** `route("/runs/:id", () => import("…"), { nav: "runs" })`. */
export function route(pattern, load, more = {}) {
  const names = [];
  const source = pattern.replace(/:(\w+)/g, (_, name) => { names.push(name); return "([^/]+)"; });
  routes.push({ regex: new RegExp(`^${source}/?$`), names, load, ...more });
}

export function find(path) {
  for (const each of routes) {
    const match = each.regex.exec(path);
    if (match) return { ...each, params: Object.fromEntries(each.names.map((name, i) => [name, decode(match[i + 1])])) };
  }
  return null;
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

let show = () => {};

/** Go to another page of the console. */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  show();
}

/** Change the address's query without another page. */
export function remember(query) {
  const given = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(query)) {
    if (value === "" || value === null || value === undefined) given.delete(key); else given.set(key, value);
  }
  history.replaceState(null, "", given.size ? `${location.pathname}?${given}` : location.pathname);
}

export function begin(handler) {
  show = handler;
  let last = location.pathname + location.search;
  addEventListener("popstate", () => {
    const now = location.pathname + location.search;
    const within = location.hash && now === last;
    last = now;
    // A link to a part of this page moves the eyes and the focus, and nothing else.
    if (!within) handler();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const other = event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || other || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || !find(url.pathname)) return;
    if (url.pathname === location.pathname && url.search === location.search && url.hash) return;
    event.preventDefault();
    go(url.pathname + url.search + url.hash);
  });
  handler();
}
