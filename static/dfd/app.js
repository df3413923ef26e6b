// What every page needs: copy buttons, menus, keyboard, htmx set-up.
import { startKeyboard } from "./keyboard.js";
import { startMenus } from "./menus.js";
import { startSavedViews } from "./views.js";

const COPIED_MS = 1600;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("is-copied");
    announce(button.dataset.copied || "Copied");
    setTimeout(() => button.classList.remove("is-copied"), COPIED_MS);
  } catch {
    announce("Could not copy. Select the text and copy it by hand.");
  }
});

// Selects that filter a table apply at once; without JavaScript the button does it.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-check-all]");
  if (!all) return;
  all.form.querySelectorAll(`[name="${all.dataset.checkAll}"]`).forEach((box) => { box.checked = all.checked; });
});

document.body.addEventListener("htmx:responseError", () => {
  announce("The server did not answer this update. The page shows the last known state.");
});

function announce(text) {
  const region = document.getElementById("live-region");
  if (region) region.textContent = text;
}

startMenus();
startKeyboard();
startSavedViews();
