// Uploads files one after the other, each with its progress. A failed upload does not affect the text.
import { SignedOut, button, byId, changed, draft, form, make, on, say, speak } from "./common.js";

const box = byId("f-files"), input = form.elements.upload, pattern = byId("file-entry");
const most = Number(form.dataset.largest);
let count = box.querySelectorAll(".entry").length, queue = Promise.resolve();

// Sends one file; resolves with its entry or the sentence that says why not.
function send(file, progress) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest(), data = new FormData();
    data.append("upload", file, file.name);
    request.open("POST", `/desk/drafts/${draft()}/files`);
    request.setRequestHeader("Accept", "application/json");
    on(request.upload, "progress", event => { if (event.lengthComputable) progress.value = event.loaded / event.total; });
    on(request, "error", () => fail(new Error("broken")));
    on(request, "load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { return fail(new SignedOut()); }
      return done({ entry: answer.files?.[0], why: answer.wrong?.[0]?.reason ?? answer.detail ?? answer.title });
    });
    request.send(data);
  });
}

function add(entry) {
  count += 1;
  const made = make("div", {});
  made.innerHTML = pattern.innerHTML.replaceAll("@n@", String(count)); // our own template; the data of the file is set below, as values
  const row = made.firstElementChild;
  row.dataset.file = entry.name;
  row.querySelector("strong").textContent = entry.name;
  for (const part of ["name", "type", "length"]) row.querySelector(`[name=file-${part}]`).value = entry[part];
  row.querySelector("[name=file-role]").value = entry.role;
  row.querySelector("[name=file-remove]").value = entry.name;
  const old = [...box.querySelectorAll(".entry")].find(one => one.dataset.file === entry.name);
  if (old) { // the same name again: its caption and licence stay
    for (const part of ["type", "length"]) old.querySelector(`[name=file-${part}]`).value = entry[part];
    return changed(old.querySelector("[name=file-length]"));
  }
  input.closest(".field").before(row);
  return changed(row.querySelector("[name=file-caption]"));
}

export function files(save) {
  const list = make("ul", { class: "uploads" });
  input.closest(".field").append(make("p", { class: "drop" }, say("drop")), list);

  async function put(file) {
    const name = file.name, progress = make("progress", { max: 1, value: 0, "aria-label": say("uploading", { name }) });
    const line = make("li", {}, make("span", {}, name, " "), progress);
    list.append(line);
    const wrong = (text, again) => {
      line.replaceChildren(make("span", { class: "fault" }, text), " ", again ? button(say("again"), () => { line.remove(); take([file]); }) : "");
      speak(text);
    };
    if (file.size > most) return wrong(say("tooLarge", { name, most: Math.floor(most / 1048576) }));
    try {
      if (!await save.begun()) return wrong(say("broken", { name }), true);
      const { entry, why } = await send(file, progress);
      if (!entry) return wrong(`${name}: ${why}`);
      line.remove();
      speak(say("uploaded", { name }));
      return add(entry);
    } catch (error) {
      return wrong(error instanceof SignedOut ? say("signedOut") : say("broken", { name }), true);
    }
  }
  function take(chosen) { for (const file of chosen) queue = queue.then(() => put(file)); }

  on(input, "change", () => { take([...input.files]); input.value = ""; });
  on(box, "dragover", event => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); box.classList.add("over"); } });
  on(box, "dragleave", () => box.classList.remove("over"));
  on(box, "drop", event => { if (event.dataTransfer.files.length) { event.preventDefault(); box.classList.remove("over"); take([...event.dataTransfer.files]); } });
  on(form, "pictures", event => take(event.detail)); // pasted into the body
}
