// Places, topics and offices by search, from a map or a tree, from what was used last and what the text names. What is sent stays in the
// form: the lines of a textarea, or in a fieldset one hidden field for each value.
import { ask, button, changed, form, make, on, say, speak } from "./common.js";

function shape(tag, props) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const one of Object.entries(props)) made.setAttribute(...one);
  return made;
}
const find = query => ask(form.dataset.names + new URLSearchParams(query)).then(({ data }) => data.found ?? []);
// As people say it: 전북특별자치도 is 전북, 충청남도 is 충남.
const short = name => (/^..[북남]도$/.test(name) ? name[0] + name[2] : /[가-힣]/.test(name) ? name.slice(0, 2) : name.replace(/^(Chung|Gyeong)\w+?(buk|nam)-do$/, "$1$2").replace(/(-do| State)$/, ""));

// How the values are read, how they are written, and where what chooses them stands.
function sent(area, names) {
  if (area.matches("textarea")) {
    const label = form.querySelector(`label[for="${area.id}"]`).firstChild.textContent;
    area.classList.add("hidden");
    return { lines: () => area.value.split("\n").map(line => line.trim()).filter(Boolean), keep: all => { area.value = all.join("\n"); }, place: parts => area.after(...parts), label };
  }
  const box = make("div", { hidden: true }), plain = area.querySelector(".plain");
  const keep = all => box.replaceChildren(...all.map(value => make("input", { type: "hidden", name: area.dataset.name, value })));
  keep(Object.keys(names));
  return { lines: () => [...box.children].map(field => field.value), keep, place: parts => plain.replaceWith(box, ...parts), label: area.querySelector("legend").textContent };
}

export function pick(area) {
  const kind = area.dataset.pick, names = JSON.parse(area.dataset.chosen), said = line => names[line]?.name ?? names[line] ?? line, full = hint => hint.name + (hint.within && ` (${hint.within})`), { lines, keep, place, label } = sent(area, names);
  const id = `pick-${area.dataset.name ?? kind}`, list = make("ul", { class: "chips" });
  const shown = [], opening = []; // what shows whether something is chosen; the parts of the map that hold something chosen

  function write(all) {
    keep([...new Set(all)]);
    if (area.matches("fieldset.wrong")) { area.classList.remove("wrong"); area.querySelectorAll(".fault, .instead").forEach(one => one.remove()); }
    changed(area);
    draw();
  }
  function add(hint) {
    names[hint.code] = hint;
    if (lines().includes(hint.code)) return remove(hint.code);
    write([...lines(), hint.code]);
    return speak(say("added", { name: hint.name }));
  }
  function remove(line) {
    write(lines().filter(one => one !== line));
    speak(say("removed", { name: said(line) }));
  }
  function draw() {
    list.replaceChildren(...lines().map(line => make("li", {}, button(said(line), () => { remove(line); search.focus(); }, { lang: names[line]?.lang, class: names[line] ? "chip" : "chip unknown", "aria-label": say("remove", { name: said(line) }) }))));
    const chosen = new Set(lines());
    for (const one of shown) one.setAttribute("aria-pressed", String(chosen.has(one.dataset.code)));
    for (const one of opening) one.classList.toggle("holds", [...chosen].some(code => code.startsWith(one.dataset.code)));
  }
  const chip = (hint, group) => { const made = button(full(hint), () => add(hint), { lang: hint.lang, class: "chip", "aria-pressed": "false", "data-code": hint.code }); shown.push(made); return group ? made : make("li", {}, made); };

  // Search: a combobox (WAI-ARIA APG).
  const results = make("ul", { id: `${id}-list`, role: "listbox", class: "results", hidden: true, "aria-label": say("search") });
  const search = make("input", { id, type: "search", role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", value: area.dataset.wrong });
  let at = -1, timer = 0, asked = 0;
  const close = () => { results.hidden = true; search.setAttribute("aria-expanded", "false"); search.removeAttribute("aria-activedescendant"); at = -1; };
  async function look() {
    const words = search.value.trim(), number = ++asked;
    if (!words) return close();
    let found = [];
    try { found = await find({ kind, q: words }); } catch { return close(); }
    if (number !== asked) return undefined;
    results.replaceChildren(...found.map((hint, index) => make("li", { lang: hint.lang, role: "option", id: `${id}-${index}`, "aria-selected": "false", onmousedown: event => { event.preventDefault(); choose(hint); } }, full(hint))));
    found.forEach((hint, index) => { results.children[index].hint = hint; });
    results.hidden = !found.length;
    search.setAttribute("aria-expanded", String(Boolean(found.length)));
    return speak(found.length ? say("results", { count: found.length }) : say("none"));
  }
  function choose(hint) { add(hint); search.value = ""; close(); }
  function move(by) {
    const all = [...results.children];
    if (!all.length) return;
    at = (at + by + all.length) % all.length;
    all.forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    search.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  }
  on(search, "input", event => { event.stopPropagation(); clearTimeout(timer); timer = setTimeout(look, 200); });
  on(search, "change", event => event.stopPropagation());
  on(search, "blur", close);
  on(search, "keydown", event => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); }
    else if (event.key === "Escape") close();
    else if (event.key === "Enter") { event.preventDefault(); const hint = results.children[Math.max(at, 0)]?.hint; if (hint && !results.hidden) choose(hint); }
  });

  // Groups of names: what was used last, and what the text names.
  const group = key => { const row = make("ul", { class: "chips" }); return [make("div", { class: "group", hidden: true }, make("p", { class: "hint" }, say(key)), row), row]; };
  const [last, lastRow] = group("last"), [told, toldRow] = group("suggested");
  const put = (box, row, hints) => { row.replaceChildren(...hints.map(hint => chip(hint))); box.hidden = !hints.length; draw(); };
  if (form.dataset.office) find({ kind }).then(hints => put(last, lastRow, hints)).catch(() => {});
  let before = "", wait = 0;
  async function suggest() {
    const headline = form.elements.headline.value.slice(0, 300), body = new DOMParser().parseFromString(form.elements.body.value.replace(/<(p|br|li|h\d|td|th)\b/g, " <$1"), "text/html").body.textContent.replace(/\s+/g, " ").slice(0, 3500);
    if (headline + body === before) return;
    before = headline + body;
    try {
      const { data } = await ask("/desk/suggest", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ office: form.dataset.office, headline, body }) });
      put(told, toldRow, (data[kind] ?? []).filter(hint => !lines().includes(hint.code)));
    } catch { /* they are only suggested */ }
  }
  on(form, "saved", () => { clearTimeout(wait); wait = setTimeout(suggest, 1500); });

  // The tree, or for places the map with the same names beside it. Both are loaded when they are opened.
  const inner = make("div", { class: "folded" });
  const more = make("details", { class: "chooser" }, make("summary", {}, say(kind === "region" ? "map" : "tree")), inner);
  on(more, "toggle", () => { if (more.open && !inner.children.length) (kind === "region" ? map(inner) : tree(inner, "")); });
  async function tree(box, under) {
    const found = await find({ kind, under });
    box.replaceChildren(make("ul", { class: "tree" }, ...found.map(hint => {
      const below = make("div", { hidden: true });
      const open = hint.more ? button("▸", () => { below.hidden = !below.hidden; open.setAttribute("aria-expanded", String(!below.hidden)); if (!below.children.length) tree(below, hint.code); }, { class: "quiet", "aria-expanded": "false", "aria-label": say("below", { name: hint.name }) }) : null;
      return make("li", {}, open, chip(hint, true), below);
    })));
    draw();
  }
  async function map(box) {
    const [korea, provinces] = await Promise.all([fetch(form.dataset.map).then(answer => answer.json()), find({ kind, under: "kr" })]);
    const tiles = () => make("div", { class: "tiles" }, ...provinces.map(hint => {
      const tile = korea.tiles[hint.code.slice(3)], made = button(short(hint.name), () => open(hint), { "aria-label": hint.name, "data-code": hint.code });
      opening.push(made);
      if (tile) { made.style.gridColumn = `${tile[0] + 1} / span ${tile[2] ?? 1}`; made.style.gridRow = String(tile[1] + 1); }
      return made;
    }));
    function picture(shapes, frame, hints, act, label) {
      const svg = shape("svg", { viewBox: frame.join(" "), role: "group", "aria-label": label });
      for (const hint of hints) {
        const d = shapes[hint.code.slice(3)];
        if (!d) continue;
        const path = shape("path", { d, role: "button", tabindex: 0, "aria-label": hint.name }), title = shape("title", {});
        title.textContent = hint.name;
        path.append(title);
        on(path, "click", () => act(hint));
        on(path, "keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(hint); } });
        path.dataset.code = hint.code;
        if (act === add) { path.setAttribute("aria-pressed", "false"); shown.push(path); } else opening.push(path);
        svg.append(path);
      }
      return svg;
    }
    const source = () => make("p", { class: "hint", lang: "ko" }, korea.source);
    const whole = () => { box.replaceChildren(make("div", { class: "map" }, picture(korea.shapes, korea.viewBox, provinces, open, say("map"))), make("ul", { class: "chips beside" }, ...provinces.map(one => chip({ ...one, within: "" }))), tiles(), source()); draw(); };
    async function open(hint) {
      const code = hint.code.slice(3);
      const [shapes, hints] = await Promise.all([fetch(form.dataset.map.replace("kr.json", `kr-${code}.json`)).then(answer => answer.json()), find({ kind, under: hint.code })]);
      box.replaceChildren(
        make("p", { class: "buttons" }, button(`← ${say("back")}`, () => { whole(); box.querySelector("path, button").focus(); }), chip({ ...hint, name: say("whole", { name: hint.name }) }, true)),
        make("div", { class: "map" }, picture(shapes.shapes, korea.frames[code], hints, add, hint.name)),
        make("ul", { class: "chips" }, ...hints.map(one => chip({ ...one, within: "" }))), source());
      draw();
      box.querySelector("button").focus();
    }
    whole();
  }

  place([list, make("label", { for: id, class: "sub" }, `${label.trim()}: ${say("search")}`), make("div", { class: "combo" }, search, results), told, last, more]);
  // Of a fieldset: a menu of what stands on no map, and a link that chooses everything on it.
  const menu = area.querySelector("select"), all = area.querySelector("[data-all]");
  if (menu) {
    menu.removeAttribute("name");
    on(menu, "change", () => { if (menu.value) add({ code: menu.value, name: menu.selectedOptions[0].textContent }); menu.value = ""; });
  }
  if (all) on(all, "click", async event => {
    event.preventDefault();
    const hints = await find({ kind, under: all.dataset.all });
    for (const hint of hints) names[hint.code] = hint;
    write([...lines(), ...hints.map(hint => hint.code)]);
    speak(say("added", { name: all.textContent }));
  });
  on(area, "focus", () => search.focus());
  on(area, "replaced", draw);
  on(form, "filled", draw);
  draw();
  if ("open" in area.dataset) more.open = true;
}
