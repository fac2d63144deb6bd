// Shows faults beside their fields, but only of fields that the person has been in: a field that is not written yet has no fault.
import { button, byId, changed, form, make, on, say, speak } from "./common.js";

const been = new Set([...form.querySelectorAll(".fault")].map(fault => fault.id.slice(2)));
on(form, "change", event => been.add(event.target.id.slice(2)));
on(form, "input", event => been.add(event.target.id.slice(2)));

export function showFaults({ faults, notes }) {
  const seen = new Map();
  for (const fault of faults) if (been.has(fault.field) || been.has(fault.field.replace(/-\d+$/, ""))) seen.set(fault.field, [...(seen.get(fault.field) ?? []), fault]);
  for (const old of form.querySelectorAll(".fault")) if (!seen.has(old.id.slice(2)) && old.id !== "e-file") clear(old.id.slice(2));
  for (const [key, list] of seen) tell(key, list);
  for (const old of form.querySelectorAll(".note")) if (!notes.some(note => `n-${note.field}` === old.id)) old.remove();
  for (const note of notes) {
    const target = byId(`f-${note.field}`), old = byId(`n-${note.field}`);
    if (!target || old?.textContent === note.reason) continue;
    old?.remove();
    target.closest(".field").before(make("p", { class: "note", id: `n-${note.field}` }, note.reason));
    speak(note.reason);
  }
}

function clear(key) {
  byId(`e-${key}`)?.remove();
  const target = byId(`f-${key}`), box = target?.closest(".field");
  target?.removeAttribute("aria-invalid");
  box?.classList.remove("wrong");
  box?.querySelectorAll(".instead").forEach(one => one.remove());
  describe(target, key, false);
}

function describe(target, key, wrong) {
  if (!target) return;
  const ids = new Set((target.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  wrong ? ids.add(`e-${key}`) : ids.delete(`e-${key}`);
  ids.size ? target.setAttribute("aria-describedby", [...ids].join(" ")) : target.removeAttribute("aria-describedby");
}

// Puts a sentence beside a field. `list`: [{reason, lang, wrong, nearest}].
export function tell(key, list) {
  const target = byId(`f-${key}`);
  if (!target) return;
  const text = list.map(fault => fault.reason).join(" "), old = byId(`e-${key}`);
  if (old?.lastChild.textContent === text) return;
  clear(key);
  const box = target.closest(".field"), lang = list[0].lang;
  const sentence = make("p", { class: "fault", id: `e-${key}` }, make("span", { class: "unseen" }, say("fault")), " ", make("span", lang ? { lang } : {}, text));
  const label = box.querySelector(":scope > .hint") ?? box.querySelector(":scope > label, :scope > legend");
  label ? label.after(sentence) : box.prepend(sentence);
  box.classList.add("wrong");
  target.setAttribute("aria-invalid", "true");
  describe(target, key, true);
  for (const fault of list) if (fault.nearest) box.append(make("div", { class: "instead" }, ...fault.nearest.map(near => button(say("instead", { name: near.name }), () => {
    target.value = target.value.split("\n").map(line => (line.trim() === fault.wrong ? near.code : line)).join("\n");
    target.dispatchEvent(new Event("replaced"));
    changed(target);
  }))));
  speak(text);
}
