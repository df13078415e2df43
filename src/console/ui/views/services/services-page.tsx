import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ServiceRow, ServicesUpdate, ServicesView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { useShortcut, useStream } from "../../data/use.ts";
import { bytesPerSecond, duration, grouped, percent, rate, share } from "../../domain/format.ts";
import { hrefOf } from "../../domain/routes.ts";
import {
  applyUpdate,
  drift,
  filterServices,
  nextSort,
  type SortColumn,
  sortServices,
} from "../../domain/services.ts";
import { Icon } from "../../parts/icon.tsx";
import { CliLine } from "../../parts/cli-line.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { Empty, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { bySite, ShareBar } from "../../parts/share-bar.tsx";
import { Status } from "../../parts/status.tsx";
import { type TableColumn, VirtualTable } from "../../parts/virtual-table.tsx";

type Rows = ReadonlyMap<string, ServiceRow>;

/** Rows that change places each second cannot be read: an order by numbers is made anew so often, and not under the pointer. */
const REORDER_MS = 4000;
/** Points off the wanted share that deserve a word, where there is enough traffic to tell. */
const DRIFT_POINTS = 10;
const ENOUGH_RPS = 5;
const STATES = ["ok", "failover", "down", "idle"] as const;

export function ServicesPage(): JSX.Element {
  const app = useApp();
  const { data, error } = useStream<Rows>("/api/v1/services", (before, event, value) => {
    if (event === "update" && before !== undefined) return applyUpdate(before, value as ServicesUpdate);
    return new Map((value as ServicesView).services.map((row) => [row.service, row]));
  });
  const field = useRef<HTMLInputElement>(null);
  useShortcut("/", () => field.current?.focus());
  const { q, state, site } = app.route.value.query;
  const rows = data.value;
  const sites = (app.network.value?.sites ?? []).map(({ name }) => name).toSorted();
  return (
    <PageHead
      title="Services"
      fill
      tools={
        <>
          <label class="field">
            <Icon name="search" />
            <span class="off-screen">Filter services</span>
            <input
              ref={field}
              type="search"
              placeholder="Filter"
              value={q ?? ""}
              onInput={(event) => app.choose({ q: event.currentTarget.value })}
            />
            <kbd aria-hidden="true">/</kbd>
          </label>
          <Choice
            label="State"
            value={state}
            values={STATES}
            onChoose={(value) => app.choose({ state: value })}
          />
          <Choice
            label="Site"
            value={site}
            values={sites}
            onChoose={(value) => app.choose({ site: value })}
          />
        </>
      }
    >
      {rows === undefined ? (
        error.value === undefined ? (
          <Waiting rows={12} />
        ) : (
          <Problem error={error.value} />
        )
      ) : (
        <Table rows={rows} />
      )}
      <CliLine command={app.cli("top")} />
    </PageHead>
  );
}

/** One of a few, or all of them. */
function Choice(props: {
  label: string;
  value: string | undefined;
  values: readonly string[];
  onChoose: (value: string | undefined) => void;
}): JSX.Element {
  return (
    <select
      aria-label={props.label}
      value={props.value ?? ""}
      onChange={({ currentTarget: { value } }) => props.onChoose(value === "" ? undefined : value)}
    >
      <option value="">{props.label}: all</option>
      {props.values.map((value) => (
        <option key={value} value={value}>
          {value}
        </option>
      ))}
    </select>
  );
}

function Table({ rows }: { rows: Rows }): JSX.Element {
  const app = useApp();
  const { query } = app.route.value;
  const selected = useSignal<string | undefined>(undefined);
  const held = useSignal(false);
  const sorted = useHeldOrder(rows, held.value);
  const sort = query["sort"] ?? "name";
  return (
    <div
      class="fill-panel"
      onPointerEnter={() => (held.value = true)}
      onPointerLeave={() => (held.value = false)}
    >
      <div class="table-note">
        {sorted.length === rows.size
          ? `${grouped(rows.size)} services`
          : `${grouped(sorted.length)} of ${grouped(rows.size)} services`}
      </div>
      <VirtualTable
        label="Services"
        columns={COLUMNS}
        rows={sorted}
        keyOf={(row) => row.service}
        rowHeight={44}
        selected={selected.value}
        onSelect={(key) => (selected.value = key)}
        onOpen={(key) => app.open("service", key)}
        sort={sort}
        onSort={(column) => app.choose({ sort: nextSort(query["sort"], column as SortColumn) })}
        empty={
          rows.size === 0 ? (
            <Empty title="No service is exposed yet" next={app.cli("expose deployment/NAME --port 8080")}>
              What is exposed at one site appears at all of them.
            </Empty>
          ) : (
            <Empty title="No service matches the filter">
              Take a word away, or choose all states and sites.
            </Empty>
          )
        }
      />
    </div>
  );
}

/** The rows as chosen; their order is kept for a while, and while the pointer is on the table. */
function useHeldOrder(rows: Rows, held: boolean): ServiceRow[] {
  const { query } = useApp().route.value;
  const choices = JSON.stringify(query);
  const order = useRef<{ choices: string; atMs: number; keys: string[]; size: number } | undefined>(
    undefined,
  );
  useEffect(() => () => (order.current = undefined), []);
  const last = order.current;
  const now = performance.now();
  const keep =
    last !== undefined &&
    last.choices === choices &&
    last.size === rows.size &&
    (held || now - last.atMs < REORDER_MS);
  if (keep) return last.keys.flatMap((key) => rows.get(key) ?? []);
  const sorted = sortServices(filterServices(rows.values(), query), query["sort"]);
  order.current = { choices, atMs: now, keys: sorted.map(({ service }) => service), size: rows.size };
  return sorted;
}

const COLUMNS: readonly TableColumn<ServiceRow>[] = [
  {
    key: "name",
    label: "Service",
    width: "minmax(180px, 1.2fr)",
    sortable: true,
    cell: ({ service, ports }) => {
      const [namespace, name] = service.split("/");
      return (
        <a class="service-link" href={hrefOf("service", service)}>
          <strong>{name}</strong>
          <span class="quiet">
            {namespace} :{ports.join(", ")}
          </span>
        </a>
      );
    },
  },
  { key: "state", label: "State", width: "100px", cell: (row) => <Status state={row.state} /> },
  { key: "protocol", label: "Protocol", width: "72px", cell: (row) => row.protocol },
  {
    key: "pods",
    label: "Pods",
    width: "64px",
    number: true,
    sortable: true,
    title: "ready of all",
    cell: ({ podsReady, pods }) => (
      <span class={podsReady < pods ? "warn-text" : ""}>
        {podsReady}/{pods}
      </span>
    ),
  },
  {
    key: "rps",
    label: "Rate",
    width: "84px",
    number: true,
    sortable: true,
    cell: ({ load }) => rate(load.rps),
  },
  {
    key: "success",
    label: "Success",
    width: "84px",
    number: true,
    sortable: true,
    cell: ({ load: { successPercent } }) => (
      <span
        class={
          successPercent === undefined
            ? ""
            : successPercent < 95
              ? "bad-text"
              : successPercent < 99.5
                ? "warn-text"
                : ""
        }
      >
        {percent(successPercent)}
      </span>
    ),
  },
  {
    key: "p50",
    label: "p50",
    width: "80px",
    number: true,
    sortable: true,
    cell: ({ load }) => duration(load.p50Ms),
  },
  {
    key: "p95",
    label: "p95",
    width: "80px",
    number: true,
    sortable: true,
    cell: ({ load }) => duration(load.p95Ms),
  },
  {
    key: "p99",
    label: "p99",
    width: "80px",
    number: true,
    sortable: true,
    cell: ({ load }) => duration(load.p99Ms),
  },
  {
    key: "bytes",
    label: "Traffic",
    width: "92px",
    number: true,
    sortable: true,
    cell: ({ load }) => bytesPerSecond(load.bytesPerSecond),
  },
  {
    key: "drift",
    label: "Shares of the clusters",
    width: "minmax(220px, 1.4fr)",
    sortable: true,
    title: "Marks under the bar: what the policy wants. Sorted by the distance from it.",
    cell: (row) => <Shares row={row} />,
  },
];

function Shares({ row }: { row: ServiceRow }): JSX.Element {
  const off = drift(row.shares);
  if (row.shares.length === 0) return <span class="quiet">–</span>;
  return (
    <div class="shares">
      <ShareBar parts={row.shares} />
      <span class="shares-text">
        {row.load.rps === 0
          ? "no requests"
          : bySite(row.shares)
              .slice(0, 4)
              .map(({ site, percent: part }) => `${site} ${share(part)}`)
              .join("  ")}
        {off > DRIFT_POINTS && row.load.rps > ENOUGH_RPS && (
          <span class="warn-text"> off by {off.toFixed(0)} points</span>
        )}
      </span>
    </div>
  );
}
