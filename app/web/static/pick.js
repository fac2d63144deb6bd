// The picker of places, topics and offices: by search, on a map, in a tree, from those used last and those that the text names.
import { ask, button, changed, form, make, on, say, speak } from "./common.js";

const find = query => ask(form.dataset.names + new URLSearchParams(query)).then(({ data }) => data.found ?? []);
const load = path => fetch(path).then(answer => answer.json());
const full = hint => hint.within ? `${hint.name} (${hint.within})` : hint.name;

// `area`: its part of the form; `label`: what the person chooses; `lines`, `keep`: read and write the sent values; `place`: adds elements to the page.
export function pick(area, { label, lines, keep, place }) {
  const kind = area.dataset.pick, names = JSON.parse(area.dataset.chosen);
  const id = `pick-${area.dataset.name ?? kind}`, list = make("ul", { class: "chips" });
  const named = line => names[line] ?? { name: line };
  const shown = [], opening = []; // functions that show what is chosen; the parts of the map that contain something chosen

  const write = all => { keep([...new Set(all)]); changed(area); draw(); };
  function add(hint) {
    names[hint.code] = hint;
    if (lines().includes(hint.code)) return remove(hint.code);
    write([...lines(), hint.code]);
    speak(say("added", hint));
  }
  function remove(line) {
    write(lines().filter(one => one !== line));
    speak(say("removed", named(line)));
  }
  function draw() {
    list.replaceChildren(...lines().map(line => make("li", {}, button(named(line).name, () => { remove(line); search.focus(); }, { lang: named(line).lang || undefined, class: names[line] ? "chip" : "chip unknown", "aria-label": say("remove", named(line)) }, ))));
    const chosen = new Set(lines());
    for (const one of shown) one.ariaPressed = chosen.has(one.dataset.code);
    for (const one of opening) one.classList.toggle("holds", [...chosen].some(code => code.startsWith(one.dataset.code)));
  }
  const chip = (hint, group) => { const made = button(full(hint), () => add(hint), { lang: hint.lang || undefined, class: "chip", "aria-pressed": "false", "data-code": hint.code }); shown.push(made); return group ? made : make("li", {}, made); };

  // Search: a combobox (WAI-ARIA APG).
  const results = make("ul", { id: `${id}-list`, role: "listbox", class: "results", hidden: true, "aria-label": say("search") });
  const search = make("input", { id, type: "search", role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list" });
  let at = -1, timer, asked = 0;
  const close = () => { results.hidden = true; search.ariaExpanded = "false"; search.removeAttribute("aria-activedescendant"); at = -1; };
  async function look() {
    const words = search.value.trim(), number = ++asked;
    if (!words) return close();
    let found = [];
    try { found = await find({ kind, q: words }); } catch { return close(); }
    if (number !== asked) return;
    results.replaceChildren(...found.map((hint, index) => make("li", { lang: hint.lang || undefined, role: "option", id: `${id}-${index}`, "aria-selected": "false", onmousedown: event => { event.preventDefault(); choose(hint); } }, full(hint))));
    found.forEach((hint, index) => { results.children[index].hint = hint; });
    results.hidden = !found.length;
    search.ariaExpanded = !results.hidden;
    speak(say(found.length ? "results" : "none", { count: found.length }));
  }
  function choose(hint) { add(hint); search.value = ""; close(); }
  function move(by) {
    const all = [...results.children];
    if (!all.length) return;
    at = (at + by + all.length) % all.length;
    all.forEach((one, index) => one.ariaSelected = index === at);
    search.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  }
  on(search, "input", event => { event.stopPropagation(); clearTimeout(timer); timer = setTimeout(look, 200); });
  on(search, "change", event => event.stopPropagation());
  on(search, "blur", close);
  on(search, "keydown", event => {
    if (/^Arrow(Down|Up)$/.test(event.key)) { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); }
    else if (event.key === "Escape") close();
    else if (event.key === "Enter") { event.preventDefault(); const hint = results.children[Math.max(at, 0)]?.hint; if (hint && !results.hidden) choose(hint); }
  });

  // Groups of names: those used last, and those that the text names.
  const group = key => { const row = make("ul", { class: "chips" }); return [make("div", { class: "group", hidden: true }, make("p", { class: "hint" }, say(key)), row), row]; };
  const [last, lastRow] = group("last"), [told, toldRow] = group("suggested");
  const put = (box, row, hints) => { row.replaceChildren(...hints.map(hint => chip(hint))); box.hidden = !hints.length; draw(); };
  if (form.dataset.office) find({ kind }).then(hints => put(last, lastRow, hints)).catch(() => {});
  let before = "", wait;
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
      const open = hint.more ? button("▸", () => { below.hidden = !below.hidden; open.ariaExpanded = !below.hidden; if (!below.children.length) tree(below, hint.code); }, { class: "quiet", "aria-expanded": "false", "aria-label": say("below", hint) }) : null;
      return make("li", {}, open, chip(hint, true), below);
    })));
    draw();
  }
  async function map(box) {
    const [korea, provinces] = await Promise.all([load(form.dataset.map), find({ kind, under: "kr" })]);
    const tiles = () => make("div", { class: "tiles" }, ...provinces.map(hint => {
      const code = hint.code.slice(3), tile = korea.tiles[code], made = button(korea.short[document.documentElement.lang][code], () => open(hint), { "aria-label": hint.name, "data-code": hint.code });
      opening.push(made);
      made.style.gridArea = `${tile[1] + 1} / ${tile[0] + 1} / auto / span ${tile[2] ?? 1}`;
      return made;
    }));
    function picture(shapes, frame, hints, act, label) {
      const svg = make("svg:svg", { viewBox: frame.join(" "), role: "group", "aria-label": label });
      for (const hint of hints) {
        const d = shapes[hint.code.slice(3)];
        if (!d) continue;
        const onkeydown = event => { if (/^(Enter| )$/.test(event.key)) { event.preventDefault(); act(hint); } };
        const path = make("svg:path", { d, role: "button", tabindex: 0, "aria-label": hint.name, "data-code": hint.code, "aria-pressed": act === add && "false", onclick: () => act(hint), onkeydown }, make("svg:title", {}, hint.name));
        (act === add ? shown : opening).push(path);
        svg.append(path);
      }
      return svg;
    }
    const listed = (hints, more = "") => make("ul", { class: `chips${more}` }, ...hints.map(one => chip({ ...one, within: "" })));
    const source = make("p", { class: "hint" }, say("map-source"));
    const whole = () => { box.replaceChildren(make("div", { class: "map" }, picture(korea.shapes, korea.viewBox, provinces, open, say("map"))), listed(provinces, " beside"), tiles(), source); draw(); };
    async function open(hint) {
      const code = hint.code.slice(3);
      const [shapes, hints] = await Promise.all([load(form.dataset.map.replace("kr.", `kr-${code}.`)), find({ kind, under: hint.code })]);
      box.replaceChildren(
        make("p", { class: "buttons" }, button(`← ${say("back")}`, () => { whole(); box.querySelector("path, button").focus(); }), chip({ ...hint, name: say("whole", hint) }, true)),
        make("div", { class: "map" }, picture(shapes.shapes, korea.frames[code], hints, add, hint.name)),
        listed(hints), source);
      draw();
      box.querySelector("button").focus();
    }
    whole();
  }

  place([list, make("label", { for: id, class: "sub" }, `${label.trim()}: ${say("search")}`), make("div", { class: "combo" }, search, results), told, last, more]);
  on(area, "focus", () => search.focus());
  on(area, "replaced", draw);
  on(form, "filled", draw);
  draw();
  return { add, write, names, search, more, find };
}
