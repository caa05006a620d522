// What strange text has become other than text; nothing is an empty list.
() => {
  const found = [];
  if (window.bitten) found.push("a script ran");
  const grown = "[data-bite], iframe, object, embed, base, meta[http-equiv], [style], [srcdoc]";
  for (const each of document.querySelectorAll(grown)) found.push(each.outerHTML.slice(0, 200));
  for (const each of document.querySelectorAll("*")) {
    for (const { name } of each.attributes) if (name.startsWith("on")) found.push(each.outerHTML.slice(0, 200));
  }
  for (const each of document.querySelectorAll("script")) {
    if (each.getAttribute("src") !== "/console/js/app.js") found.push(each.outerHTML.slice(0, 200));
  }
  for (const each of document.querySelectorAll("[href], [src], [action], [formaction]")) {
    for (const name of ["href", "src", "action", "formaction"]) {
      const address = each.getAttribute(name);
      if (address && !["http:", "https:", "mailto:", "blob:"].includes(new URL(address, location.href).protocol)) {
        found.push(each.outerHTML.slice(0, 200));
      }
    }
  }
  return found;
}
