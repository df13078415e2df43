/* Runs before the first paint, so that a chosen theme does not begin with a flash of the other one. */
try {
  const chosen = localStorage.getItem("isthmus.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset["theme"] = chosen;
} catch {
  // Storage may be forbidden; the system's theme then holds.
}
