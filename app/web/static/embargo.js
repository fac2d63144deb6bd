// 보도시점 as it will be written, with its weekday, while the person chooses. The server says the same after each save.
import { byId, form, on } from "./common.js";

const DAYS = "일월화수목금토";
const output = byId("wording");
const value = name => form.elements[name].value;

function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  const at = new Date(Date.UTC(year, month - 1, date));
  return Number.isNaN(at.getTime()) ? "" : `${year}. ${month}. ${date}.(${DAYS[at.getUTCDay()]})`;
}

// The wording of the chosen form; undefined if only the server knows it: for a release in another language.
export function wording() {
  const kind = form.elements.embargo.value, language = value("language").toLowerCase();
  if (kind === "words") return value("embargo-words");
  if (kind === "held") return "";
  if (kind === "edition") return `${day(value("embargo-day"))} ${{ morning: "조간", evening: "석간" }[value("embargo-edition")]}`.trim();
  if (language && !language.startsWith("ko")) return undefined;
  if (kind === "now") return "배포 즉시";
  const [date, time] = value("embargo-at").split("T");
  return time ? `${day(date)} ${time.slice(0, 5)} 이후` : "";
}

export function embargo() {
  const show = text => { if (text !== undefined && output.value !== text) output.value = text; output.parentElement.hidden = !output.value; };
  on(form, "input", event => { if (/^(embargo|language)/.test(event.target.name ?? "")) show(wording()); });
  on(form, "saved", event => show(event.detail.wording));
  on(form, "filled", () => show(wording()));
  show(wording());
}
