// The page on which a release is written works without scripts; these make it quicker.
import { edit } from "./editor.js";
import { embargo } from "./embargo.js";
import { files } from "./files.js";
import { pick } from "./pick.js";
import { saving } from "./saving.js";

const save = saving();
edit(document.querySelector("[data-editor]"), save);
document.querySelectorAll("[data-pick]").forEach(pick);
embargo();
files(save);
