import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useApp } from "../../data/app.ts";
import { useShortcut } from "../../data/use.ts";
import { FLOW_KEYS, parseFilter } from "../../domain/flow-filter.ts";
import { Icon } from "../../parts/icon.tsx";

const QUICK: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["failed", { outcome: "error" }],
  ["5xx", { status: "5xx" }],
  ["slower than 100 ms", { minDurationMs: "100" }],
];

/** Filters as words: `status:5xx source:c1 path:/cart`; each becomes a chip, and all of them stand in the URL. */
export function FilterBar(): JSX.Element {
  const app = useApp();
  const { query } = app.route.value;
  const text = useSignal("");
  const problem = useSignal<string | undefined>(undefined);
  const field = useRef<HTMLInputElement>(null);
  useShortcut("/", () => field.current?.focus());
  const add = (): void => {
    const parsed = parseFilter(text.value);
    problem.value = parsed.problem;
    if (parsed.problem !== undefined) return;
    text.value = "";
    app.choose({ ...parsed.query, flow: undefined }, { push: true });
  };
  const chips = Object.entries(query).filter(([key]) => key !== "flow");
  return (
    <form
      class="filter-bar"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <label class="field grow">
        <Icon name="search" />
        <span class="off-screen">Filter flows</span>
        <input
          ref={field}
          type="search"
          list="flow-keys"
          placeholder="status:5xx  service:ns/name  source:c1  path:/cart"
          value={text.value}
          aria-invalid={problem.value !== undefined}
          aria-describedby="filter-problem"
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <kbd aria-hidden="true">/</kbd>
        <datalist id="flow-keys">
          {FLOW_KEYS.map((key) => (
            <option key={key} value={`${key}:`} />
          ))}
        </datalist>
      </label>
      {chips.map(([key, value]) => (
        <button
          key={key}
          type="button"
          class="chip"
          onClick={() => app.choose({ [key]: undefined, flow: undefined })}
        >
          {key === "minDurationMs" ? `at least ${value} ms` : `${key} ${value}`}
          <span aria-hidden="true"> ×</span>
          <span class="off-screen">take the filter away</span>
        </button>
      ))}
      {QUICK.filter(([, choice]) => Object.keys(choice).every((key) => query[key] === undefined)).map(
        ([label, choice]) => (
          <button
            key={label}
            type="button"
            class="chip suggested"
            onClick={() => app.choose({ ...choice, flow: undefined }, { push: true })}
          >
            + {label}
          </button>
        ),
      )}
      <span id="filter-problem" class="bad-text" role="status">
        {problem.value}
      </span>
    </form>
  );
}
