// Markdown as the host has parsed it: a tree of known kinds, built into elements one by one.

import { h } from "./dom.js";

const TAGS = {
  p: "p", h1: "h1", h2: "h2", h3: "h3", h4: "h3", h5: "h3", h6: "h3", ul: "ul", ol: "ol", li: "li", blockquote: "blockquote",
  strong: "strong", em: "em", s: "s", code: "code", table: "table", thead: "thead", tbody: "tbody", tr: "tr", th: "th", td: "td",
};

/** `tree`: texts, and `[kind, attributes, …children]`. Unknown kinds show what is in them. */
export function markdown(tree) {
  return h("div.markdown", tree.map(build));
}

function build(node) {
  if (typeof node === "string") return node;
  const [kind, attributes, ...children] = node;
  const inside = children.map(build);
  if (kind === "pre") return h("pre", attributes.lang ? { "data-lang": attributes.lang } : {}, h("code", inside));
  if (kind === "a") return h("a", { href: attributes.href ?? "#", target: "_blank", rel: "noopener noreferrer" }, inside);
  if (kind === "br") return h("br");
  if (kind === "hr") return h("hr");
  if (kind === "ol" && attributes.start) return h("ol", { start: attributes.start }, inside);
  return TAGS[kind] ? h(TAGS[kind], inside) : h("span", inside);
}
