import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type ApiError, getJson } from "./api.ts";
import { useApp } from "./app.ts";

export interface Resource<T> {
  readonly data: Signal<T | undefined>;
  readonly error: Signal<ApiError | undefined>;
}

/** A view that streams. `reduce` makes the next state of the last one and an event; without it each event is the whole state. */
export function useStream<T>(
  url: string,
  reduce: (before: T | undefined, event: string, data: unknown) => T = (_, __, data) => data as T,
): Resource<T> {
  const app = useApp();
  const data = useSignal<T | undefined>(app.kept.get(url) as T | undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const shown = useRef(url);
  if (shown.current !== url) {
    shown.current = url;
    data.value = app.kept.get(url) as T | undefined;
  }
  useEffect(
    () =>
      app.stream(
        url,
        (event, value) => {
          const next = reduce(data.peek(), event, value);
          app.keep(url, next);
          data.value = next;
        },
        (state) => {
          if (state.kind === "refused") error.value = state.error;
          else if (state.kind === "live") error.value = undefined;
        },
      ),
    [url],
  );
  return { data, error };
}

/** A view that is asked for again and again; not while the page is hidden. */
export function usePoll<T>(
  url: () => string,
  options: { readonly everyMs: number; readonly key: string },
): Resource<T> {
  const { everyMs, key } = options;
  const app = useApp();
  const data = useSignal<T | undefined>(app.kept.get(key) as T | undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const shown = useRef(key);
  if (shown.current !== key) {
    shown.current = key;
    data.value = app.kept.get(key) as T | undefined;
  }
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      if (!document.hidden) {
        const answer = await getJson<T>(url(), abort.signal);
        if (abort.signal.aborted) return;
        if (answer.ok) {
          data.value = answer.value;
          app.keep(key, answer.value);
          error.value = undefined;
        } else error.value = answer.error;
      }
      timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs]);
  return { data, error };
}

/** Keys that work while the component is there. */
export function useShortcut(key: string, action: () => void): void {
  const { shortcuts } = useApp();
  const latest = useRef(action);
  latest.current = action;
  useEffect(() => shortcuts.add(key, () => latest.current()), [key]);
}
