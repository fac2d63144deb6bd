// The body's editor: the browser's own, with a toolbar, for the elements that a release may have. The form still sends the textarea.
import { button, byId, changed, form, make, on, say, speak } from "./common.js";
import { clean, read, written } from "./paste.js";

const HREF = /^(https?:\/\/[^\s/]\S*|mailto:\S+@\S+|tel:[+\d-]+)$/i;

export function edit(area) {
  if (!area) return;
  const label = form.querySelector(`label[for="${area.id}"]`);
  label.id = "body-label";
  const page = make("div", { class: "editor body", contenteditable: "true", role: "textbox", "aria-multiline": "true", "aria-labelledby": "body-label", tabindex: "0", lang: form.elements.language.value || "ko" });
  const run = (command, value) => {
    page.focus();
    const { anchorNode: node, anchorOffset: offset, isCollapsed } = getSelection();
    document.execCommand(command, false, value);
    if (/List$/.test(command)) {
      // Chromium puts a list into the paragraph from which it was made, and moves the caret to the start of its words.
      const at = node?.isConnected ? node : getSelection().anchorNode;
      page.querySelectorAll("p:has(ul, ol)").forEach(one => one.replaceWith(...one.childNodes));
      if (isCollapsed && at?.isConnected) getSelection().collapse(at, Math.min(offset, at.length ?? 0));
    }
    sync();
    state();
  };
  const within = names => {
    const at = getSelection().anchorNode;
    const element = at?.nodeType === 1 ? at : at?.parentElement;
    return page.contains(element) ? element.closest(names) : null;
  };
  const pictures = JSON.parse(form.dataset.pictures);
  function sync() {
    const own = written(clean(page.innerHTML));
    if (area.value !== own) { area.value = own; changed(area); }
  }
  // Before it is published, a picture is shown from the draft.
  function load() {
    page.replaceChildren(read(area.value));
    for (const one of page.querySelectorAll("img")) { const url = one.getAttribute("src"); if (pictures[url]) { one.dataset.of = url; one.src = pictures[url]; } }
    if (!page.firstChild) page.append(make("p", {}, make("br")));
  }

  const block = name => run("formatBlock", `<${name}>`);
  function table(change) {
    const old = within("table");
    if (!change || !old) {
      const cell = "<td><br></td>";
      run("insertHTML", `<table><tbody><tr><th><br></th><th><br></th></tr><tr>${cell}${cell}</tr></tbody></table><p><br></p>`);
      return;
    }
    const made = old.cloneNode(true), row = within("tr"), cell = within("td, th");
    const number = [...old.rows].indexOf(row), column = cell ? cell.cellIndex : 0;
    if (change === "row") {
      const next = made.rows[number].cloneNode(true);
      for (const one of [...next.cells]) { const plain = make("td", {}); plain.append(make("br")); if (one.colSpan > 1) plain.colSpan = one.colSpan; one.replaceWith(plain); }
      made.rows[number].after(next);
    } else {
      for (const line of made.rows) { const next = make((line.cells[column] ?? line.cells[0]).tagName, {}); next.append(make("br")); (line.cells[column] ?? line.lastElementChild).after(next); }
    }
    const range = document.createRange();
    range.selectNode(old);
    page.focus();
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    run("insertHTML", made.outerHTML);
  }

  // A link: a field beside the toolbar asks for its address, and the selected words are remembered.
  let chosen = null;
  const address = make("input", { type: "url", id: "link-to", "aria-describedby": "link-wrong" }), wrong = make("p", { class: "fault", id: "link-wrong", hidden: true }, say("linkWrong"));
  const set = () => {
    const to = address.value.trim();
    wrong.hidden = !to || HREF.test(to);
    if (!wrong.hidden) return speak(wrong.textContent);
    dialog.hidden = true;
    page.focus();
    if (chosen) { getSelection().removeAllRanges(); getSelection().addRange(chosen); }
    if (!to) return run("unlink");
    return chosen?.collapsed ? run("insertHTML", make("a", { href: to }, to).outerHTML) : run("createLink", to);
  };
  const dialog = make("div", { class: "link-to", hidden: true }, make("label", { for: "link-to" }, say("linkTo")), address, button(say("linkSet"), set), wrong);
  on(address, "keydown", event => {
    if (event.key === "Enter") { event.preventDefault(); set(); }
    if (event.key === "Escape") { dialog.hidden = true; page.focus(); }
  });
  on(address, "input", event => event.stopPropagation());
  const link = () => {
    chosen = page.contains(getSelection().anchorNode) ? getSelection().getRangeAt(0) : null;
    address.value = within("a")?.getAttribute("href") ?? "";
    dialog.hidden = false;
    address.focus();
  };

  const tools = [
    ["p", "¶", () => block("p"), "p"], ["h2", "H2", () => block("h2"), "h2"], ["h3", "H3", () => block("h3"), "h3"], ["h4", "H4", () => block("h4"), "h4"],
    ["bold", "B", () => run("bold"), "b, strong"], ["ul", "•", () => run("insertUnorderedList"), "ul"], ["ol", "1.", () => run("insertOrderedList"), "ol"],
    ["quote", "“”", () => block(within("blockquote") ? "p" : "blockquote"), "blockquote"], ["link", "URL", link, "a"],
    ["table", "⊞", () => table(""), "table"], ["row", "⊞↓", () => table("row"), ""], ["column", "⊞→", () => table("column"), ""],
    ["undo", "↶", () => run("undo"), ""], ["source", "</>", source, ""],
  ].map(([key, sign, act, names]) => {
    const made = button("", act, { title: say(key), tabindex: "-1", "aria-pressed": names || key === "source" ? "false" : undefined });
    made.append(make("span", { "aria-hidden": "true" }, sign), make("span", { class: "unseen" }, say(key)));
    made.dataset.within = names;
    if (key === "source") made.id = "source";
    on(made, "mousedown", event => event.preventDefault()); // the words stay selected
    return made;
  });
  const bar = make("div", { role: "toolbar", class: "toolbar", "aria-label": say("toolbar"), "aria-controls": "body-editor" }, ...tools);
  page.id = "body-editor";
  tools[0].tabIndex = 0;
  on(bar, "keydown", event => {
    const at = tools.indexOf(document.activeElement), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tools.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tools[(to + tools.length) % tools.length];
    tools.forEach(tool => { tool.tabIndex = tool === next ? 0 : -1; });
    next.focus();
  });
  on(page, "keydown", event => { if (event.altKey && event.key === "F10") { event.preventDefault(); tools.find(tool => tool.tabIndex === 0).focus(); } });

  function state() {
    for (const tool of tools) if (tool.dataset.within) {
      const on = String(Boolean(within(tool.dataset.within)));
      if (tool.getAttribute("aria-pressed") !== on) tool.setAttribute("aria-pressed", on);
    }
  }
  function source() {
    const shown = area.classList.toggle("hidden");
    page.hidden = !shown;
    if (shown) load(); else sync();
    byId("source").setAttribute("aria-pressed", String(!shown));
    (shown ? page : area).focus();
  }

  on(page, "input", event => { event.stopPropagation(); sync(); });
  on(page, "paste", event => {
    const html = event.clipboardData.getData("text/html"), pictures = [...event.clipboardData.files].filter(file => file.type.startsWith("image/"));
    if (!html && pictures.length) {
      event.preventDefault();
      form.dispatchEvent(new CustomEvent("pictures", { detail: pictures.map((file, number) => new File([file], file.name === "image.png" ? `picture-${Date.now()}-${number + 1}.png` : file.name, { type: file.type })) }));
      return;
    }
    if (!html) return; // the browser itself pastes plain text
    event.preventDefault();
    document.execCommand("insertHTML", false, written(clean(html)));
    sync();
    speak(say("cleaned"));
  });
  on(page, "drop", event => { if (event.dataTransfer.files.length) { event.preventDefault(); form.dispatchEvent(new CustomEvent("pictures", { detail: [...event.dataTransfer.files] })); } });
  on(document, "selectionchange", state);
  on(area, "focus", () => { if (area.classList.contains("hidden")) page.focus(); }); // the summary of faults leads here
  on(form, "filled", load);
  on(label, "click", () => page.focus());
  document.execCommand("defaultParagraphSeparator", false, "p");
  area.classList.add("hidden");
  area.after(bar, dialog, page);
  load();
}
