// What every page needs: copy buttons, menus, keyboard, htmx set-up.
import { startKeyboard } from "./keyboard.js";
import { startMenus } from "./menus.js";

const COPIED_MS = 1600;
const words = document.getElementById("live-region")?.dataset ?? {};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("is-copied");
    announce(button.dataset.copied);
    setTimeout(() => button.classList.remove("is-copied"), COPIED_MS);
  } catch {
    announce(words.noCopy);
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

// A saved view keeps the filter as it is now; htmx may have changed it since the page was loaded.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-current-query]")) event.target.elements.query.value = location.search;
});

document.body.addEventListener("htmx:responseError", () => {
  announce(words.noAnswer);
});

function announce(text) {
  const region = document.getElementById("live-region");
  if (region) region.textContent = text;
}

// Only the strip of tabs moves, not the page under it.
function showOpenTab() {
  const tab = document.querySelector(".tabs [aria-current]");
  const strip = tab?.closest(".tabs");
  if (strip) strip.scrollLeft = tab.offsetLeft - strip.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2;
}

showOpenTab();
startMenus();
startKeyboard();
