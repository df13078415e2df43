import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useShortcut } from "../data/use.ts";
import { rowsInSight, scrollTo } from "../domain/virtual.ts";

export interface TableColumn<Row> {
  readonly key: string;
  readonly label: string;
  /** CSS grid track. Fixed, so that a longer number moves nothing. */
  readonly width: string;
  readonly number?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
  readonly sortable?: boolean;
  readonly title?: string;
}

export interface VirtualTableProps<Row> {
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly rowHeight: number;
  readonly selected?: string | undefined;
  readonly onSelect: (key: string) => void;
  readonly onOpen?: (key: string) => void;
  readonly sort?: string | undefined;
  readonly onSort?: (column: string) => void;
  readonly onScroll?: (scrollTop: number) => void;
  readonly empty: ComponentChildren;
}

/** A table of any length: only the rows in sight are drawn, each at a place of its own, so that nothing is laid out anew when one changes. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>): JSX.Element {
  const { columns, rows, keyOf, rowHeight, selected } = props;
  const body = useRef<HTMLDivElement>(null);
  const scrollTop = useSignal(0);
  const height = useSignal(600);
  /** What the scroll bar takes, so that the heads stand above their columns. */
  const gutter = useSignal(0);
  useLayoutEffect(() => {
    const place = body.current;
    if (place === null) return undefined;
    const measure = (): void => {
      height.value = place.clientHeight;
      gutter.value = place.offsetWidth - place.clientWidth;
    };
    const watch = new ResizeObserver(measure);
    measure();
    watch.observe(place);
    return () => watch.disconnect();
  }, []);

  const index = selected === undefined ? -1 : rows.findIndex((row) => keyOf(row) === selected);
  const show = (at: number): void => {
    const place = body.current;
    if (place === null || at < 0) return;
    const top = scrollTo({ index: at, scrollTop: place.scrollTop, height: place.clientHeight, rowHeight });
    if (top !== undefined) place.scrollTop = top;
  };
  useEffect(() => show(index), [selected]);
  const move = (by: number): void => {
    const next = rows[Math.max(0, Math.min(rows.length - 1, index < 0 ? 0 : index + by))];
    if (next !== undefined) props.onSelect(keyOf(next));
  };
  useShortcut("ArrowDown", () => move(1));
  useShortcut("j", () => move(1));
  useShortcut("ArrowUp", () => move(-1));
  useShortcut("k", () => move(-1));
  useShortcut("Enter", () => {
    if (selected !== undefined) props.onOpen?.(selected);
  });

  const { from, to } = rowsInSight({
    scrollTop: scrollTop.value,
    height: height.value,
    rowHeight,
    count: rows.length,
  });
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(" ") };
  const [sorted, descending] = [props.sort?.replace("-", ""), props.sort?.startsWith("-") === true];
  return (
    <div class="table" role="table" aria-label={props.label} aria-rowcount={rows.length + 1}>
      <div class="table-head" role="rowgroup" style={{ paddingRight: `${gutter.value}px` }}>
        <div class="tr" role="row" style={template}>
          {columns.map(({ key, label, number, sortable, title }) => (
            <div
              key={key}
              role="columnheader"
              class={number === true ? "number" : ""}
              title={title}
              aria-sort={sorted === key ? (descending ? "descending" : "ascending") : undefined}
            >
              {sortable === true ? (
                <button type="button" class="sort" onClick={() => props.onSort?.(key)}>
                  {label}
                  <span class="sort-sign" aria-hidden="true">
                    {sorted === key ? (descending ? "↓" : "↑") : ""}
                  </span>
                </button>
              ) : (
                label
              )}
            </div>
          ))}
        </div>
      </div>
      <div
        class="table-body"
        role="rowgroup"
        tabIndex={0}
        ref={body}
        onScroll={(event) => {
          scrollTop.value = event.currentTarget.scrollTop;
          props.onScroll?.(event.currentTarget.scrollTop);
        }}
      >
        {rows.length === 0 && (
          <div role="row">
            <div role="cell">{props.empty}</div>
          </div>
        )}
        <div class="table-space" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
          {rows.slice(from, to).map((row, offset) => {
            const key = keyOf(row);
            const at = from + offset;
            return (
              <div
                key={key}
                class={key === selected ? "tr selected" : "tr"}
                role="row"
                aria-rowindex={at + 2}
                aria-selected={key === selected}
                style={{
                  ...template,
                  height: `${rowHeight}px`,
                  transform: `translateY(${at * rowHeight}px)`,
                }}
                onClick={(event) => {
                  if (event.target instanceof Element && event.target.closest("a, button") !== null) return;
                  props.onSelect(key);
                }}
                onDblClick={() => props.onOpen?.(key)}
              >
                {columns.map((column) => (
                  <div key={column.key} role="cell" class={column.number === true ? "number" : ""}>
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
