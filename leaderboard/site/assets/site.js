// On every page: the choice between light and dark, kept on this computer and nowhere else.
"use strict";
(() => {
  const root = document.documentElement, key = "leaderboard-theme";
  const recall = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem(key, theme); } catch { /* a private window keeps nothing */ } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const kept = recall();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector(".theme");
    const say = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.hidden = false;
    button.addEventListener("click", () => { keep(root.dataset.theme = isDark() ? "light" : "dark"); say(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
    say();
  });
})();
