// A button beside each example that copies it.
const doc = document.querySelector("[data-copy]"), { copy, copied, lang } = doc.dataset;
if (navigator.clipboard) for (const block of doc.querySelectorAll("pre")) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "quiet copy", lang, textContent: copy, ariaLive: "polite" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.innerText.trimEnd());
    button.textContent = copied;
  });
  block.before(button);
}
