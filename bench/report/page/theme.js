// Light or dark: the system's wish, until the reader chooses.

const root = document.documentElement;
const wish = matchMedia("(prefers-color-scheme: dark)");

function setTheme(theme) {
  root.dataset.theme = theme;
  root.style.colorScheme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
  drawAll();
}

document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
wish.addEventListener("change", () => setTheme(wish.matches ? "dark" : "light"));
setTheme(wish.matches ? "dark" : "light");
