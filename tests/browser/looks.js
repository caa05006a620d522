// What is wrong with how a page looks, in words; nothing wrong is an empty list.
//
// - Nothing is wider than the window: nobody scrolls sideways.
// - Everything that can be pressed or filled in has a name, and every picture a text.
// - Text stands out from what is behind it by 4.5 to 1, large text by 3 to 1 (WCAG 2.2, 1.4.3).
// - A page has one h1; ids occur once.
() => {
  const wrong = [];
  const say = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> ${(element.textContent ?? "").trim().slice(0, 60)}`;
  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((each) => seen(each) && each.getBoundingClientRect().right > root.clientWidth + 1 && !each.closest(".table-wrap, .tabs, .side, pre, .scroll"));
    wrong.push(`wider than the window (${root.scrollWidth} > ${root.clientWidth}): ${wide.slice(0, 3).map(say).join(" | ")}`);
  }

  const nameOf = (element) => element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.title
    || (element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("")
    || (element.matches("input, select, textarea") ? "" : element.textContent || element.querySelector("img")?.alt) || "";
  for (const each of document.querySelectorAll("a[href], button, input, select, textarea, summary, [role=button], [role=tab]")) {
    if (!seen(each) || each.type === "hidden") continue;
    if (!nameOf(each).trim()) wrong.push(`has no name: ${each.outerHTML.slice(0, 120)}`);
  }
  for (const each of document.querySelectorAll("img")) if (!each.hasAttribute("alt")) wrong.push(`no text for a picture: ${each.outerHTML.slice(0, 120)}`);

  const main = document.querySelector("main");
  if (main && !main.querySelector(".chat") && main.querySelectorAll("h1").length !== 1) wrong.push(`${main.querySelectorAll("h1").length} h1 on the page`);
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  for (const id of new Set(ids.filter((each, i) => ids.indexOf(each) !== i))) wrong.push(`id twice: ${id}`);

  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const colour = (text) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = text;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found[3]) layers.push(found);
      if (found[3] === 1) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((each) => { const c = each / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const told = new Set();
  const judge = (element, ink, style, words) => {
    const back = behind(element);
    let faint = 1;
    for (let at = element; at; at = at.parentElement) faint *= Number(getComputedStyle(at).opacity);
    const front = colour(ink);
    front[3] *= faint;
    const [high, low] = [light(over(front, back)), light(back)].sort((x, y) => y - x);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const key = `${ink}/${back}/${large}`;
    if (ratio < (large ? 3 : 4.5) && !told.has(key)) wrong.push(`contrast ${ratio.toFixed(2)}: ${words}`);
    told.add(key);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element || !seen(element) || element.closest("noscript, option, :disabled, .sr")) continue;
    const style = getComputedStyle(element);
    judge(element, element instanceof SVGElement ? style.fill : style.color, style, say(element));
  }
  for (const each of document.querySelectorAll("input, textarea")) {
    if (!seen(each) || each.disabled) continue;
    const style = getComputedStyle(each);
    if (each.value) judge(each, style.color, style, each.value.slice(0, 60));
    else if (each.placeholder) judge(each, getComputedStyle(each, "::placeholder").color, style, each.placeholder);
  }
  return wrong;
}
