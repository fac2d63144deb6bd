// Code that the modules of pages with a large form share: the page on which a release is written, and the feed builder.
export const byId = id => document.getElementById(id);
export const on = (target, name, act) => target.addEventListener(name, act);
export const form = document.querySelector("form[data-words]");
const words = JSON.parse(form.dataset.words);

// A sentence in the page's language, with its values filled in. A missing text shows its key, which a test finds.
export const say = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// An element of HTML, or of "svg:…". Texts become text nodes, so nothing that somebody wrote is read as HTML.
export function make(tag, props = {}, ...kids) {
  const element = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) on(element, name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...kids.filter(kid => kid != null));
  return element;
}

export const button = (label, onclick, props = {}) => make("button", { type: "button", onclick, ...props }, label);

// Says a sentence to users of screen readers, without interrupting them.
const voice = make("div", { class: "unseen", "aria-live": "polite", id: "spoken" });
form.before(voice);
export const speak = text => { if (text) voice.append(make("p", {}, text)); while (voice.children.length > 5) voice.firstChild.remove(); };

export class SignedOut extends Error {}

// Asks the server: {status, data}. Throws SignedOut, and another Error if the server is not reached.
export async function ask(path, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(20000), ...options, headers: { Accept: "application/json", ...options.headers } });
  if (answer.redirected && new URL(answer.url).pathname === "/signin") throw new SignedOut();
  if (answer.status >= 502) throw new Error("unreachable");
  const data = /json/.test(answer.headers.get("Content-Type") ?? "") ? await answer.json() : {};
  return { status: answer.status, data };
}

// Tells the code that saves that a script changed a field.
export const changed = field => field.dispatchEvent(new Event("input", { bubbles: true }));
export const draft = () => form.dataset.draft;
