// The page on which a release is written works without scripts. These make it faster to use.
import { edit } from "./editor.js";
import { embargo } from "./embargo.js";
import { files } from "./files.js";
import { pick } from "./pick.js";
import { saving } from "./saving.js";

const save = saving();
edit(document.querySelector("[data-editor]"), save);
for (const area of document.querySelectorAll("[data-pick]")) {
  area.classList.add("hidden");
  pick(area, {
    label: area.labels[0].firstChild.textContent,
    lines: () => area.value.split("\n").map(line => line.trim()).filter(Boolean),
    keep: all => { area.value = all.join("\n"); },
    place: parts => area.after(...parts),
  });
}
embargo();
files(save);
