import { signal } from "@preact/signals";

export type ThemeChoice = "auto" | "light" | "dark";

const KEY = "isthmus.theme";

/** Dark or light: as the system says, until something else is chosen. `theme.ts` at the top applies the choice before the first paint. */
export class Theme {
  readonly choice = signal<ThemeChoice>(stored());
  /** Counts changes of what is seen; canvases are drawn anew on it. */
  readonly version = signal(0);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.version.value++);
  }

  next(): void {
    this.set(this.choice.value === "auto" ? "light" : this.choice.value === "light" ? "dark" : "auto");
  }

  set(choice: ThemeChoice): void {
    this.choice.value = choice;
    if (choice === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = choice;
    try {
      if (choice === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Storage may be forbidden; the choice then ends with the page.
    }
    this.version.value++;
  }
}

function stored(): ThemeChoice {
  const now = document.documentElement.dataset["theme"];
  return now === "dark" || now === "light" ? now : "auto";
}
