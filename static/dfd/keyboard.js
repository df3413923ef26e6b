// "/" searches, "n" makes a new one, "j" and "k" walk the rows of a table, "?" opens the help.
const TYPING = "input, textarea, select, [contenteditable]";

export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPING)) return;
    const action = ACTIONS[event.key];
    if (action && action()) event.preventDefault();
  });
}

const ACTIONS = {
  "/": () => focus("[data-key-search]"),
  n: () => follow("[data-key-new]"),
  "?": () => follow("[data-key-help]"),
  j: () => walk(1),
  k: () => walk(-1),
};

function focus(selector) {
  const field = [...document.querySelectorAll(selector)].find((element) => element.offsetParent);
  if (field) field.focus();
  return Boolean(field);
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
  return Boolean(link);
}

function walk(step) {
  const links = [...document.querySelectorAll("[data-key-row]")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  const next = at === -1 ? (step > 0 ? 0 : links.length - 1) : at + step;
  links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  return true;
}
