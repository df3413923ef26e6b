// Saved views: named filters of a table, kept in this browser.
export function startSavedViews() {
  document.querySelectorAll("[data-saved-views]").forEach((box) => {
    const key = `dfd-views-${box.dataset.savedViews}`;
    const list = box.querySelector("[data-saved-list]");
    const load = () => JSON.parse(localStorage.getItem(key) || "[]");
    const draw = () => {
      list.querySelectorAll("a").forEach((link) => link.remove());
      load().forEach(({ name, query }) => {
        const link = document.createElement("a");
        link.href = query;
        link.textContent = name;
        list.prepend(link);
      });
    };
    box.querySelector("[data-save-view]").addEventListener("click", (event) => {
      const name = window.prompt(event.currentTarget.dataset.prompt);
      if (!name) return;
      const others = load().filter((view) => view.name !== name);
      localStorage.setItem(key, JSON.stringify([...others, { name, query: location.search || "?" }]));
      draw();
    });
    draw();
  });
}
