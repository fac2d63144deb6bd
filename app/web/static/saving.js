// Saves the form while the person types, and shows who else has it open. Unsaved text is kept in this tab, so nothing is lost.
import { SignedOut, ask, button, byId, draft, form, make, on, say, speak } from "./common.js";
import { showFaults } from "./faults.js";

const QUIET = 1000, LONGEST = 2000; // ms after the last change, and while the person keeps typing
const HEARTBEAT = 15000, MOST_WAIT = 15000;
const told = byId("told"), status = byId("saved"), others = byId("others");
const revision = form.elements.revision;
const made = [...crypto.getRandomValues(new Uint8Array(8))].map(byte => byte.toString(16).padStart(2, "0")).join("");
const place = () => `pressrelay-draft-${draft() || `new-${form.dataset.office}`}`;
const now = () => new Date().toTimeString().slice(0, 8);

let typed = 0, stored = 0; // numbers of changes: made, and saved or kept beside the draft
let timer = 0, first = 0, failures = 0, busy = null, beside = false, leaving = false;

function show(text) { if (status.textContent !== text) status.textContent = text; }

function message(tone, text, ...kids) {
  told.replaceChildren(make("div", { class: `notice ${tone}` }, make("p", {}, text), make("p", { class: "buttons" }, ...kids)));
}

function touch() {
  typed += 1;
  first ||= Date.now();
  plan(Math.min(QUIET, Math.max(0, first + LONGEST - Date.now())));
}

function plan(wait) {
  clearTimeout(timer);
  timer = setTimeout(save, wait);
}

// The form as it would be sent, without the files: they are uploaded separately, once.
function fields() {
  const data = new FormData(form);
  data.delete("upload");
  if (!draft()) data.set("id", made);
  return data;
}

function keep() {
  try { sessionStorage.setItem(place(), JSON.stringify({ at: now(), fields: [...fields()] })); } catch { /* full or forbidden: the form itself still has it */ }
}
const forget = () => { try { sessionStorage.removeItem(place()); } catch { /* forbidden */ } };

// Saves changes; resolves when that is done. Saves never overlap: each names the revision that the last one made.
export async function save() {
  clearTimeout(timer);
  if (busy) { await busy; return typed > stored ? save() : undefined; }
  if (typed === stored) return undefined;
  busy = send();
  try { await busy; } finally { busy = null; }
  if (typed > stored && !failures) plan(QUIET);
  return undefined;
}

async function send() {
  const sent = typed;
  first = 0;
  show(say("saving"));
  try {
    const { status: code, data } = await ask(form.getAttribute("action"), { method: "POST", body: fields() });
    if (code === 409 && data.revision) conflict(data);
    else if (code >= 400) return failed(say("refused", { why: data.detail || data.title || code }), code !== 429 && code !== 503);
    else saved(data);
    stored = sent;
    failures = 0;
    forget();
  } catch (error) {
    failed(say(error instanceof SignedOut ? "signedOut" : "offline"), false);
  }
  return undefined;
}

function failed(text, final) {
  failures += 1;
  show(text);
  keep();
  if (!final) plan(Math.min(MOST_WAIT, 1000 * 2 ** failures));
}

function begun(id, number) {
  revision.value = number;
  if (draft()) return;
  forget();
  form.dataset.draft = id;
  form.action = `/desk/drafts/${id}`;
  history.replaceState(null, "", form.action);
  heartbeat();
}

function saved(data) {
  begun(data.id, data.revision);
  if (beside) {
    beside = false;
    form.querySelector("input[name=aside]")?.remove();
    told.replaceChildren();
  }
  const left = data.faults.length;
  show(`${say("saved", { time: data.shown })}. ${left ? say("left", { count: left }) : say("ready")}`);
  showFaults(data);
  form.dispatchEvent(new CustomEvent("saved", { detail: data }));
}

// A button that changes one part of the form: that part comes from the server, the rest of the page stays.
async function part(pressed, box) {
  const data = fields();
  data.set("then", pressed.value);
  const answer = await fetch(form.action, { method: "POST", body: data });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html"), theirs = page.getElementById(form.id), made = page.getElementById(box.id);
  if (answer.status === 409 || !made) { keep(); leaving = true; return form.submit(); }
  begun(theirs.dataset.draft, theirs.elements.revision.value);
  box.replaceWith(made);
  made.querySelector("[autofocus], [aria-invalid]")?.focus();
  return touch();
}

// Somebody else saved first. Text that is typed here is kept beside the draft, and the person decides.
function conflict(data) {
  show(say("aside", { time: now() }));
  if (!["draft", "returned"].includes(data.state)) return message("warning", say("closed"));
  if (beside === data.revision) return undefined;
  beside = data.revision;
  const who = data.meanwhile || say("somebody");
  const text = say("meanwhile", { who, when: data.when });
  message("warning", text,
    make("a", { class: "button", href: `/desk/drafts/${data.id}/aside`, target: "_blank" }, say("seeTheirs")),
    button(say("saveMine"), () => {
      revision.value = data.revision;
      form.querySelector("input[name=aside]") ?? form.append(make("input", { type: "hidden", name: "aside", value: "1" }));
      typed += 1;
      save();
    }));
  return undefined;
}

// Who else is here, and whether they saved something.
async function heartbeat() {
  if (!draft() || document.visibilityState !== "visible") return;
  try {
    const { status: code, data } = await ask(`/desk/drafts/${draft()}/here`, { method: "POST" });
    if (code !== 200) return;
    const text = data.others.length ? say("others", { who: data.others.join(", ") }) : "";
    others.hidden = !text;
    if (others.textContent !== text) others.textContent = text;
    if (data.revision > Number(revision.value) && data.writer && typed === stored && !busy && !beside) {
      message("information", say("changed", { who: data.writer }), make("a", { class: "button", href: `/desk/drafts/${draft()}` }, say("reload")));
    }
  } catch { /* the next one may come through */ }
}

// Text that this tab kept and did not save before it was closed or crashed.
function offerKept() {
  let kept = null;
  try { kept = JSON.parse(sessionStorage.getItem(place())); } catch { /* nothing usable */ }
  if (!kept) return;
  message("warning", say("kept", { time: kept.at }),
    button(say("takeKept"), () => { fill(kept.fields); told.replaceChildren(); form.dispatchEvent(new Event("filled")); touch(); }, { class: "main" }),
    button(say("dropKept"), () => { forget(); told.replaceChildren(); }));
}

function fill(pairs) {
  const seen = new Map();
  for (const [name, value] of pairs) {
    if (["revision", "office", "id", "aside"].includes(name) || typeof value !== "string") continue;
    const number = seen.get(name) ?? 0;
    seen.set(name, number + 1);
    const all = form.querySelectorAll(`[name="${CSS.escape(name)}"]`);
    if (all[0]?.type === "radio") all.forEach(one => { one.checked = one.value === value; });
    else if (all[number] && all[number].type !== "file") all[number].value = value;
  }
}

export function saving() {
  on(form, "input", event => { if (event.target.name && event.target.name !== "upload") touch(); });
  on(form, "change", event => { if (event.target.name && event.target.name !== "upload") touch(); });
  on(form, "submit", event => {
    if (busy) { // its revision is on the way
      event.preventDefault();
      const pressed = event.submitter;
      busy.finally(() => setTimeout(() => form.requestSubmit(pressed)));
      return;
    }
    clearTimeout(timer);
    const box = event.submitter?.closest("fieldset");
    leaving = !box;
    if (!box) return;
    event.preventDefault();
    busy = part(event.submitter, box).catch(() => { typed += 1; failed(say("offline"), false); }).finally(() => { busy = null; if (typed > stored && !failures) plan(QUIET); });
  });
  on(window, "beforeunload", event => {
    if (typed > stored && !leaving) { keep(); event.preventDefault(); event.returnValue = say("leave"); }
  });
  on(window, "pageshow", () => { leaving = false; });
  on(window, "online", () => { if (typed > stored) save(); });
  on(document, "visibilitychange", () => (document.visibilityState === "visible" ? heartbeat() : save()));
  setInterval(heartbeat, HEARTBEAT);
  if (form.querySelector("input[name=aside]")) touch(); // the page came back with what was not saved
  offerKept();
  return { save, touch, async begun() { if (!draft()) { typed += 1; await save(); } return draft(); }, speak };
}
