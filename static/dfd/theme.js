// Runs before the first paint, so the page never flashes in the wrong colours.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("dfd-theme") || "auto";
  const apply = () => {
    const theme = chosen();
    root.dataset.bsTheme = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
    root.dataset.themeChoice = theme;
    document.dispatchEvent(new Event("dfd:theme"));
  };
  dark.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-set-theme]");
    if (!button) return;
    localStorage.setItem("dfd-theme", button.dataset.setTheme);
    apply();
  });
  root.classList.add("js");
  apply();
})();
