/* The button that changes between light and dark; at first the system decides. `onChange`, if any,
 * is called when the colours have changed. */

function setUpTheme(onChange) {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.textContent = isDark() ? "Light colours" : "Dark colours";
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
    onChange?.();
  });
  system.addEventListener("change", () => {
    show();
    onChange?.();
  });
  show();
}

/* Tables that are folded up are printed too. They are filled at once: the browser's own event would
 * come when the page is on paper. */
function setUpPrinting() {
  const opened = [];
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      details.dispatchEvent(new Event("toggle"));
      opened.push(details);
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
}
