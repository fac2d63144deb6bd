// Cleans HTML of any program to the elements that a release may have (schemas/xsd/press-release.xsd). The server cleans it again: this
// is for the person, who sees at once what will stand there. The parsed document is inert: nothing in it is run or loaded.
const GONE = new Set("script style template head title xml svg math iframe object embed form input button select textarea video audio canvas noscript".split(" "));
const AS = { h1: "h2", h5: "h4", h6: "h4", tfoot: "tbody", dl: "div", dt: "p", dd: "p", pre: "p", address: "p", center: "div" };
const BLOCKS = new Set("p h2 h3 h4 ul ol table blockquote figure".split(" "));
const HOLD = new Set("div section article main header footer nav aside body figcaption".split(" "));
const LINKS = /^(https?:\/\/[^\s/]|mailto:|tel:)/i;
const NUMBERED = /^\(?(\d{1,3}|[a-z가-하]|[ivx]{1,5})[.)]\s*/i, BULLET = /^[·•◦▪■□○●\-–oo§ü§Øv\uf0b7\uf0a7\uf0d8\u00b7]\s*/;
const el = tag => document.createElement(tag);
const named = node => node.nodeName.toLowerCase();

// A fragment of clean HTML elements from a source.
export function clean(source) {
  // Styles and handlers are read as data: the policy of the page would complain of each, although nothing applies or runs here.
  const quiet = source.replace(/<!--\[if[^]*?<!\[endif\]-->|<(style|script)\b[^]*?<\/\1>/gi, "").replace(/<[a-z][^<>]*>/gi, tag => tag.replace(/[\s"'/](style|on[a-z]+)(?=\s*=)/gi, " data-$1"));
  const body = new DOMParser().parseFromString(quiet, "text/html").body;
  const found = document.createDocumentFragment();
  found.append(...blocks(body));
  lists(found);
  for (const empty of [...found.querySelectorAll("p, h2, h3, h4, li, b, strong, i, em, a, q, sub, sup")].reverse()) {
    if (!empty.textContent.trim() && !empty.querySelector("img, table") && (/^(p|h\d)$/.test(named(empty)) || !(empty.querySelector("br") || empty.closest("td, th")))) empty.remove();
  }
  found.querySelectorAll("ul:empty, ol:empty, blockquote:empty, table:not(:has(tr))").forEach(one => one.remove());
  found.normalize();
  return found;
}

// The content of a node as blocks: loose content becomes a paragraph.
function blocks(node) {
  const found = [];
  let line = null;
  for (const kid of node.childNodes) {
    const name = AS[named(kid)] ?? named(kid);
    if (kid.nodeType === 1 && GONE.has(named(kid))) continue;
    if (kid.nodeType === 1 && (HOLD.has(name) || (!BLOCKS.has(name) && name !== "li" && kid.querySelector?.("p,h1,h2,h3,h4,h5,h6,ul,ol,table,blockquote,div,dl,figure")))) {
      found.push(...blocks(kid));
      line = null;
    } else if (BLOCKS.has(name)) {
      found.push(...block(kid, name));
      line = null;
    } else {
      const made = inline(kid);
      if (!line && !made.some(one => one.textContent?.trim() || named(one) === "img")) continue;
      if (!line) found.push(line = el("p"));
      line.append(...made);
    }
  }
  for (const one of found) trim(one);
  return found;
}

// No white space at the ends, and no line breaks after the last word.
function trim(block) {
  if (!/^(p|h\d|li|td|th)$/.test(named(block))) return;
  for (const [end, cut] of [["lastChild", "trimEnd"], ["firstChild", "trimStart"]]) {
    while (block[end] && (named(block[end]) === "br" || (block[end].nodeType === 3 && !block[end].data.trim()))) block[end].remove();
    if (block[end]?.nodeType === 3) block[end].data = block[end].data[cut]();
  }
}

function block(node, name) {
  const made = el(name);
  if (name === "ul" || name === "ol") {
    for (const kid of node.children) {
      if (named(kid) === "li") made.append(item(kid));
      else if (/^(ul|ol)$/.test(named(kid))) (made.lastElementChild ?? made.appendChild(el("li"))).append(...block(kid, named(kid)));
    }
    if (name === "ol" && /^-?\d{1,4}$/.test(node.getAttribute("start") ?? "")) made.setAttribute("start", node.getAttribute("start"));
    return made.children.length ? [made] : [];
  }
  if (name === "table") return table(node);
  if (name === "blockquote") { made.append(...blocks(node)); return [made]; }
  if (name === "figure") return blocks(node);
  made.append(...[...node.childNodes].flatMap(inline));
  const list = /mso-list:\s*(?!ignore)/i.test(node.dataset?.style ?? "") || /MsoListParagraph/.test(node.className);
  if (list) made.dataset.list = marker(node);
  return [made];
}

// The kind of list that Word's mark before an item means, and the depth of the item: "ul 1".
function marker(node) {
  const ignored = [...node.querySelectorAll("span")].find(span => /mso-list:\s*ignore/i.test(span.dataset.style ?? ""));
  const level = /level(\d)/.exec(node.dataset?.style ?? "")?.[1] ?? "1";
  return `${NUMBERED.test((ignored?.textContent ?? node.textContent).trim()) ? "ol" : "ul"} ${level}`;
}

function item(node) {
  const made = el("li");
  const parts = blocks(node);
  made.append(...(parts.length && named(parts[0]) === "p" ? [...parts[0].childNodes, ...parts.slice(1)] : parts));
  return made;
}

function table(node) {
  const made = el("table"), caption = node.querySelector(":scope > caption");
  if (caption?.textContent.trim()) made.append(wrapped("caption", caption));
  const rows = [...node.rows];
  const lines = rows.filter(row => row.cells.length && ![...row.cells].some(cell => cell.closest("table") !== node));
  const head = lines.filter(row => named(row.parentNode) === "thead");
  for (const [part, which] of [["thead", head], ["tbody", lines.filter(row => !head.includes(row))]]) {
    if (!which.length) continue;
    const group = el(part);
    for (const row of which) {
      const line = el("tr");
      for (const cell of row.cells) {
        const one = el(named(cell));
        const parts = blocks(cell);
        parts.forEach((part, index) => { if (named(part) === "p") one.append(...(index && named(parts[index - 1]) === "p" ? [el("br")] : []), ...part.childNodes); else one.append(part); });
        for (const span of ["colspan", "rowspan"]) if (/^\d{1,2}$/.test(cell.getAttribute(span) ?? "") && Number(cell.getAttribute(span)) > 1) one.setAttribute(span, cell.getAttribute(span));
        line.append(one);
      }
      group.append(line);
    }
    made.append(group);
  }
  return made.querySelector("tr") ? [made] : [];
}

function wrapped(name, node) {
  const made = el(name);
  made.append(...[...node.childNodes].flatMap(inline));
  trim(made);
  return made;
}

// Whether a node really makes its text bold: programs write <b style="font-weight:normal"> around whole documents.
function heavy(node) {
  const weigh = one => {
    const weight = /(?:^|[;\s])font-weight:\s*["']?([a-z\d]+)/i.exec(one.dataset?.style ?? "")?.[1];
    return weight ? /^(bold|bolder|[6-9]00)$/i.test(weight) : /^(b|strong)$/.test(named(one));
  };
  if (!weigh(node)) return false;
  for (let one = node.parentElement; one && !BLOCKS.has(named(one)); one = one.parentElement) if (weigh(one)) return false;
  return !node.closest("h1,h2,h3,h4,h5,h6");
}

// A node as inline nodes.
function inline(node) {
  if (node.nodeType === 3) return [document.createTextNode(node.data.replace(/[\t\n\r \u00a0]+/g, " ").replace(/[\u200b\ufeff\u0000-\u0008]/g, ""))];
  const name = named(node);
  if (node.nodeType !== 1 || GONE.has(name)) return [];
  const style = (node.dataset?.style ?? "").toLowerCase();
  if (/mso-list:\s*ignore|display:\s*none|mso-hide:\s*all/.test(style)) return [];
  if (name === "br") return [el("br")];
  if (name === "img") {
    const src = node.dataset.of ?? node.getAttribute("src") ?? "";
    if (!/^https?:\/\//i.test(src)) return [];
    const made = el("img");
    made.setAttribute("src", src);
    made.setAttribute("alt", node.getAttribute("alt") ?? "");
    return [made];
  }
  let kids = [...node.childNodes].flatMap(inline);
  const put = tag => { if (kids.some(kid => kid.textContent.trim() || named(kid) === "img")) { const made = el(tag); made.append(...kids); kids = [made]; } };
  if (name === "a" && LINKS.test((node.getAttribute("href") ?? "").trim())) {
    put("a");
    if (kids.length === 1 && named(kids[0]) === "a") kids[0].setAttribute("href", node.getAttribute("href").trim());
  }
  if (heavy(node)) put("b");
  if (/^(em|i|q|sub|sup)$/.test(name)) put(name);
  return kids;
}

// Paragraphs that Word marked as items become lists, nested by their depth.
function lists(found) {
  for (const first of [...found.querySelectorAll("p[data-list]")]) {
    if (!first.dataset.list || !first.parentNode) continue;
    const open = [];
    let last = first;
    for (let one = first; one && named(one) === "p" && one.dataset.list; one = last) {
      const [kind, level] = one.dataset.list.split(" "), depth = Math.min(Number(level), open.length + 1), li = el("li");
      last = one.nextElementSibling;
      li.append(...one.childNodes);
      const words = li.firstChild;
      if (words?.nodeType === 3) words.data = words.data.replace(BULLET, "");
      open.length = Math.min(open.length, depth);
      if (!open[depth - 1]) {
        const list = el(kind);
        depth === 1 ? one.before(list) : open[depth - 2].lastElementChild.append(list);
        open[depth - 1] = list;
      }
      open[depth - 1].append(li);
      one.remove();
    }
  }
}

// Clean elements as the source that the form sends.
export function written(root) {
  const copy = root.cloneNode(true);
  copy.querySelectorAll?.("[data-list]").forEach(one => one.removeAttribute("data-list"));
  const kids = [...copy.childNodes].filter(kid => kid.nodeType === 1 || kid.textContent.trim());
  const box = el("div");
  return kids.map(kid => { box.replaceChildren(kid); return box.innerHTML; }).join("\n").replace(/<(br|img)\b([^>]*)>/g, "<$1$2/>").replace(/&nbsp;/g, " ");
}

// A text that is typed without any block: a blank line ends a paragraph, as app/desk/writing.py reads it.
export function read(text) {
  if (/<(p|h[1-6]|ul|ol|table|blockquote|figure|div|section|pre)\b/i.test(text)) return clean(text);
  const inlined = /<[a-z]+[^<>]{0,200}>/.test(text), found = document.createDocumentFragment();
  for (const part of text.split(/\n[ \t]*\n/).map(one => one.trim()).filter(Boolean)) {
    if (inlined) { found.append(clean(`<p>${part.replaceAll("\n", "<br>")}</p>`)); continue; }
    const p = el("p");
    part.split("\n").forEach((line, index) => p.append(...(index ? [el("br")] : []), line));
    found.append(p);
  }
  return found;
}
