// The feed builder works without scripts. These show the feed while the reader chooses.
import { byId, form, make, on, say, speak } from "./common.js";
import { pick } from "./pick.js";

const address = () => { const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim())).toString(); return form.getAttribute("action") + (asked && `?${asked}`); };
let timer = 0, running = new AbortController(), shown = address();

// Fetches the page of the choice and replaces the result of the one before. Typed text and open parts stay.
async function show() {
  const wanted = address();
  if (wanted === shown) return;
  shown = wanted;
  running.abort();
  running = new AbortController();
  const result = byId("result");
  result.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(wanted, { headers: { Accept: "text/html" }, signal: running.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), made = page.getElementById("result");
    if (!made) throw new Error(String(answer.status));
    for (const fold of result.querySelectorAll("details[open]")) made.querySelector(`#${fold.id}`)?.setAttribute("open", "");
    for (const field of result.querySelectorAll("[name=address], [name=pace]")) {
      const other = [...made.querySelectorAll(`[name=${field.name}]`)].find(one => one.type !== "radio" || one.value === field.value);
      if (other) { other.value = field.value; other.checked = field.checked; }
    }
    result.replaceChildren(...document.adoptNode(made).childNodes);
    history.replaceState(null, "", wanted);
    document.title = page.title;
    byId("count").textContent = page.getElementById("count").textContent;
    if (answer.ok) document.querySelector("main > [role=alert]")?.remove();
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = "";
    byId("count").textContent = say("failed");
  }
  result.removeAttribute("aria-busy");
}
const soon = () => { clearTimeout(timer); timer = setTimeout(show, 250); };
on(form, "input", soon);
on(form, "change", soon);
on(form, "submit", async event => {
  event.preventDefault();
  clearTimeout(timer);
  await show();
  byId("result").closest("section").scrollIntoView();
});

on(document, "click", async event => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  const field = byId(copy.dataset.copy);
  field.select();
  try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
  copy.classList.add("done");
  speak(say("copied"));
});

// A fieldset of the form: the picker replaces its plain fields, and hidden fields of its name are sent.
function choose(area) {
  const box = make("div", { hidden: true }), plain = area.querySelector(".plain"), menu = area.querySelector("select"), all = area.querySelector("[data-all]");
  const lines = () => [...box.children].map(field => field.value);
  function keep(values) {
    box.replaceChildren(...values.map(value => make("input", { type: "hidden", name: area.dataset.name, value })));
    if (area.matches(".wrong")) { area.classList.remove("wrong"); area.querySelectorAll(".fault, .instead").forEach(one => one.remove()); }
  }
  for (const value of Object.keys(JSON.parse(area.dataset.chosen))) box.append(make("input", { type: "hidden", name: area.dataset.name, value }));
  const { add, write, names, search, more, find } = pick(area, { label: area.querySelector("legend").textContent, lines, keep, place: parts => plain.replaceWith(box, ...parts) });
  search.value = area.dataset.wrong ?? "";
  if ("open" in area.dataset) more.open = true;
  if (menu) {
    menu.removeAttribute("name");
    on(menu, "change", () => { if (menu.value) add({ code: menu.value, name: menu.selectedOptions[0].textContent.trim() }); menu.value = ""; });
  }
  if (all) on(all, "click", async event => {
    event.preventDefault();
    const hints = await find({ kind: area.dataset.pick, under: all.dataset.all });
    for (const hint of hints) names[hint.code] = hint;
    write([...lines(), ...hints.map(hint => hint.code)]);
    speak(say("added", { name: all.textContent }));
  });
}
document.querySelectorAll("[data-pick]").forEach(choose);
