// The frame around all pages: signing in, the way from one to the other, light and dark.

import { fill, h, icon } from "./lib/dom.js";
import { ask, del, get, whenSignedOut } from "./lib/api.js";
import { busy, failure, toast } from "./lib/parts.js";
import { begin, find, route } from "./lib/router.js";

const NAV = [
  ["overview", "Overview", "/"],
  ["chat", "Chat", "/chat"],
  ["rooms", "Rooms", "/rooms"],
  ["runs", "Runs", "/runs"],
  ["agents", "Agents", "/agents"],
  ["memory", "Memory", "/memory"],
  ["costs", "Costs", "/costs"],
  ["logs", "Logs", "/logs"],
  ["settings", "Settings", "/settings"],
];

route("/", () => import("./pages/overview.js"), { nav: "overview" });
route("/agents", () => import("./pages/agents.js"), { nav: "agents" });
route("/agents/new", () => import("./pages/agent_new.js"), { nav: "agents" });
route("/agents/:agent", () => import("./pages/agent.js"), { nav: "agents" });
route("/chat", () => import("./pages/chat.js"), { nav: "chat" });
route("/chat/:agent", () => import("./pages/chat.js"), { nav: "chat" });
route("/chat/:agent/:conversation", () => import("./pages/chat.js"), { nav: "chat" });
route("/runs", () => import("./pages/runs.js"), { nav: "runs" });
route("/runs/:id", () => import("./pages/run.js"), { nav: "runs" });
route("/people", () => import("./pages/rooms.js"), { nav: "rooms" });
route("/people/:id", () => import("./pages/person.js"), { nav: "rooms" });
route("/rooms", () => import("./pages/rooms.js"), { nav: "rooms" });
route("/rooms/:id", () => import("./pages/room.js"), { nav: "rooms" });
route("/costs", () => import("./pages/costs.js"), { nav: "costs" });
route("/memory", () => import("./pages/memory.js"), { nav: "memory" });

const root = document.getElementById("app");
let main = null;
let leave = null;
let session = { needed: false, signed_in: true };

function theme(choice) {
  if (choice) localStorage.setItem("theme", choice);
  const wanted = localStorage.getItem("theme") ?? "auto";
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  return wanted;
}

function themeButton() {
  const next = { auto: "light", light: "dark", dark: "auto" };
  const words = { auto: "◐", light: "☀", dark: "☾" };
  const button = h("button.quiet", { type: "button" });
  const show = () => {
    const now = theme();
    button.textContent = words[now];
    button.setAttribute("aria-label", `Colours: ${now}. Change`);
    button.title = `Colours: ${now}`;
  };
  button.addEventListener("click", () => { theme(next[theme()]); show(); });
  show();
  return button;
}

function frame() {
  main = h("main", { id: "main", tabindex: "-1" });
  const links = NAV.filter(([, , address]) => find(address)).map(([name, words, address]) => h("a.nav", { href: address, data: { nav: name } }, icon(name), words));
  const out = session.needed ? h("button.quiet.small", { type: "button", onclick: signOut }, "Sign out") : null;
  fill(root,
    h("a.skip", { href: "#main" }, "To the page"),
    h("div.frame",
      h("nav.side", { "aria-label": "Console" }, h("a.brand", { href: "/" }, h("img", { src: "/console/icon.svg", alt: "" }), "Bot Host"), links, h("div.foot", themeButton(), out)),
      main));
}

async function signOut() {
  try { await del("/api/v1/session"); } catch (error) { toast(error.message, "bad"); }
  session.signed_in = false;
  signIn();
}

function signIn() {
  leave?.();
  leave = null;
  main = null;
  document.title = "Sign in · Bot Host";
  const token = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true, autofocus: true });
  const problem = h("p.note.bad", { role: "alert", hidden: true });
  const button = h("button.main", "Sign in");
  const form = h("form.panel", { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await ask("POST", "/api/v1/session", { body: { token: token.value } });
      session.signed_in = true;
      show();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      token.select();
    } finally { button.disabled = false; }
  } }, h("h1", "Bot Host"), h("p.dim", "Sign in with the web token (", h("code", "web.token"), " of the configuration)."), problem,
  h("label.field", "Token", token), button);
  fill(root, h("div.signin", form));
  token.focus();
}

let shown = 0;
async function show() {
  if (session.needed && !session.signed_in) { signIn(); return; }
  if (!main?.isConnected) frame();
  leave?.();
  leave = null;
  const mine = ++shown;
  const found = find(location.pathname);
  for (const link of root.querySelectorAll("a.nav")) {
    if (link.dataset.nav === found?.nav) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!found) {
    document.title = "Not found · Bot Host";
    fill(main, h("h1", "There is no such page"), h("p", h("a", { href: "/" }, "To the overview")));
    return;
  }
  fill(main, busy());
  const stop = new AbortController();
  leave = () => stop.abort();
  try {
    const page = await found.load();
    if (mine !== shown) return;
    const view = h("div");
    fill(main, view);
    const name = await page.render(view, { params: found.params, query: Object.fromEntries(new URLSearchParams(location.search)), signal: stop.signal });
    if (mine === shown) document.title = `${name} · Bot Host`;
  } catch (error) {
    if (mine !== shown || error.name === "AbortError") return;
    fill(main, failure(error, show));
  }
  // On the first page the keyboard begins at the top; a page that comes later takes the place of the link to it.
  if (mine === shown && mine > 1 && document.activeElement === document.body) main.focus({ preventScroll: true });
  if (!location.hash) scrollTo(0, 0);
}

theme();
whenSignedOut(() => { if (session.needed && session.signed_in) { session.signed_in = false; signIn(); } });
fill(root, h("div.plain", busy()));
async function start() {
  try {
    session = await get("/api/v1/session");
    begin(show);
  } catch (error) {
    fill(root, h("div.plain", failure(error, start)));
  }
}
start();

