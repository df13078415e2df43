import type { JSX } from "preact";
import type { CheckCategory, SiteView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { usePoll } from "../../data/use.ts";
import { bytes, plural, rate, span } from "../../domain/format.ts";
import { hrefOf } from "../../domain/routes.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { Empty, Panel, Stat, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { Status } from "../../parts/status.tsx";
import { LinksTable } from "../network/links-table.tsx";

const EVERY_MS = 2000;
/** A certificate that ends sooner deserves attention; they are renewed long before. */
const SOON_MS = 7 * 86_400_000;

/** One site: whether it is well, what runs there, how it is linked. */
export function SitePage({ id }: { id: string }): JSX.Element {
  const app = useApp();
  const url = `/api/v1/sites/${encodeURIComponent(id)}`;
  const { data, error } = usePoll<SiteView>(() => url, { everyMs: EVERY_MS, key: url });
  const view = data.value;
  const state = view === undefined ? undefined : view.site.reachable ? "up" : "unreachable";
  return (
    <PageHead
      title={
        <>
          <a class="quiet" href="/">
            Network
          </a>
          <span class="quiet"> / </span>
          {app.siteName(id)} {state !== undefined && <Status state={state} />}
        </>
      }
    >
      {view === undefined ? (
        error.value === undefined ? (
          <Waiting rows={10} />
        ) : (
          <Problem error={error.value} />
        )
      ) : (
        <Content view={view} />
      )}
    </PageHead>
  );
}

function Content({ view }: { view: SiteView }): JSX.Element {
  const app = useApp();
  const { site, links } = view;
  const now = app.nowMs.value;
  const endsMs =
    site.certificateExpires === undefined ? undefined : Date.parse(site.certificateExpires) - now;
  return (
    <>
      <dl class="stats">
        <Stat label="Requests" value={rate(site.rps)} note="of its clients" />
        <Stat
          label="Pods"
          value={`${site.podsReady} of ${site.pods}`}
          note={`of ${plural(site.services, "service")}`}
          {...(site.podsReady < site.pods ? { tone: "warn" as const } : {})}
        />
        <Stat label="Namespace" value={site.namespace} note={`version ${site.version}`} />
        <Stat
          label="Certificate"
          value={endsMs === undefined ? "–" : endsMs < 0 ? "ended" : `${span(endsMs)} left`}
          note={site.certificateExpires?.slice(0, 10) ?? "in no network yet"}
          {...(endsMs === undefined || endsMs > SOON_MS
            ? {}
            : { tone: endsMs < 0 ? ("bad" as const) : ("warn" as const) })}
        />
      </dl>
      <div class="columns">
        <Panel title="Checks" cli={app.cli("check", site.name)}>
          <Checks categories={view.checks} name={site.name} />
        </Panel>
        <div class="stack">
          <Panel title="Routers" cli={app.cli("status", site.name)}>
            <Routers view={view} />
          </Panel>
          <Panel title="Services with pods here" cli={app.cli("top", site.name)}>
            <SiteServices view={view} />
          </Panel>
        </div>
      </div>
      <Panel title="Links" cli={app.cli("link status", site.name)}>
        <LinksTable links={links} />
      </Panel>
    </>
  );
}

function Checks({
  categories,
  name,
}: {
  categories: readonly CheckCategory[] | undefined;
  name: string;
}): JSX.Element {
  const app = useApp();
  if (categories === undefined) {
    return (
      <Empty title="The observer has no access to this site's cluster" next={app.cli("check", name)}>
        What its routers say is shown; its objects can be checked from there.
      </Empty>
    );
  }
  return (
    <div class="checks">
      {categories.map(({ category, checks }) => (
        <section key={category} aria-label={category}>
          <h3>{category}</h3>
          <ul class="plain">
            {checks.map(({ name: check, result, message, hint }) => (
              <li key={check}>
                <Status state={result} />
                <span>
                  {check}
                  {message !== undefined && <span class="why">{message}</span>}
                  {hint !== undefined &&
                    (hint.startsWith("isthmus ") || hint.startsWith("kubectl ") ? (
                      <CliLine command={hint} />
                    ) : (
                      <span class="why">{hint}</span>
                    ))}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Routers({ view }: { view: SiteView }): JSX.Element {
  const app = useApp();
  const now = app.nowMs.value;
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Routers">
      <table>
        <thead>
          <tr>
            <th>Router</th>
            <th>State</th>
            <th class="number">Up for</th>
            <th class="number">CPU</th>
            <th class="number">Memory</th>
            <th>Version</th>
          </tr>
        </thead>
        <tbody>
          {view.site.routers.map(({ id, stale, observedMs, startedMs, cpuPercent, memoryBytes, version }) => (
            <tr key={id}>
              <td class="name" title={id}>
                {id}
              </td>
              <td title={`heard ${span(now - observedMs)} ago`}>
                <Status state={stale ? "stale" : "up"} />
              </td>
              <td class="number">{span(now - startedMs)}</td>
              <td class="number">{cpuPercent.toFixed(1)} %</td>
              <td class="number">{bytes(memoryBytes)}</td>
              <td>{version}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SiteServices({ view }: { view: SiteView }): JSX.Element {
  const app = useApp();
  if (view.services.length === 0) {
    return (
      <Empty
        title="No pods of a service are here"
        next={app.cli("expose deployment/NAME --port 8080", view.site.name)}
      >
        Its clients reach the services of the other sites.
      </Empty>
    );
  }
  return (
    <ul class="service-list" tabIndex={0} aria-label="Services with pods here">
      {view.services.map(({ service, podsReady, pods }) => (
        <li key={service}>
          <a href={hrefOf("service", service)}>{service}</a>
          <span class={podsReady < pods ? "warn-text" : "quiet"}>
            {podsReady}/{pods} pods
          </span>
        </li>
      ))}
    </ul>
  );
}
