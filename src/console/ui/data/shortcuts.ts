import { KeyMatcher } from "../domain/keys.ts";

/** Keys that do something now; what a view adds goes with the view. */
export class Shortcuts {
  readonly #actions = new Map<string, (() => void)[]>();
  readonly #matcher = new KeyMatcher();

  add(key: string, action: () => void): () => void {
    const actions = this.#actions.get(key) ?? [];
    this.#actions.set(key, actions);
    actions.push(action);
    return () => {
      actions.splice(actions.indexOf(action), 1);
      if (actions.length === 0) this.#actions.delete(key);
    };
  }

  press(event: KeyboardEvent): void {
    const { key, target } = event;
    const palette = (event.metaKey || event.ctrlKey) && key === "k";
    if (!palette && (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented)) return;
    // In a field letters are text; only Escape leaves it.
    if (target instanceof HTMLElement && target.matches("input, select, textarea, dialog *")) {
      if (key === "Escape") target.blur();
      if (!palette) return;
    }
    const name = palette ? "mod k" : key;
    const shortcuts = [...this.#actions.keys()];
    const found = this.#matcher.press(name, { atMs: event.timeStamp, shortcuts });
    if (found === undefined) return;
    event.preventDefault();
    this.#actions.get(found)?.at(-1)?.();
  }
}
