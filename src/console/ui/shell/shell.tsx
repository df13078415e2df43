import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useShortcut } from "../data/use.ts";
import type { Route, ViewName } from "../domain/routes.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Empty } from "../parts/panel.tsx";
import { ActivityPage } from "../views/activity/activity-page.tsx";
import { FlowsPage } from "../views/flows/flows-page.tsx";
import { NetworkPage } from "../views/network/network-page.tsx";
import { ServicePage } from "../views/service/service-page.tsx";
import { ServicesPage } from "../views/services/services-page.tsx";
import { SitePage } from "../views/site/site-page.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import { Notices } from "./notices.tsx";
import { Palette } from "./palette.tsx";

const NAV: readonly (readonly [ViewName, string, IconName, string])[] = [
  ["network", "Network", "network", "g n"],
  ["services", "Services", "services", "g s"],
  ["flows", "Flows", "flows", "g f"],
  ["activity", "Activity", "activity", "g a"],
];

/** The frame that stays: where one can go, how the sites are, and whether what is shown is live. */
export function Shell(): JSX.Element {
  const app = useApp();
  const route = app.route.value;
  useShortcut("g n", () => app.open("network"));
  useShortcut("g s", () => app.open("services"));
  useShortcut("g f", () => app.open("flows"));
  useShortcut("g a", () => app.open("activity"));
  useShortcut("?", () => (app.dialog.value = "help"));
  useShortcut("mod k", () => (app.dialog.value = "palette"));
  useShortcut("t", () => app.theme.next());
  useEffect(() => {
    document.title = `${titleOf(route, app.siteName(route.name))} · Isthmus`;
  }, [route]);
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1} key={`${route.view} ${route.name}`}>
        <Page route={route} />
      </main>
      <Notices />
      {app.dialog.value === "help" && <HelpDialog />}
      {app.dialog.value === "palette" && <Palette />}
    </div>
  );
}

function Page({ route }: { route: Route }): JSX.Element {
  switch (route.view) {
    case "network":
      return <NetworkPage />;
    case "services":
      return <ServicesPage />;
    case "service":
      return <ServicePage service={route.name} />;
    case "flows":
      return <FlowsPage />;
    case "site":
      return <SitePage id={route.name} />;
    case "activity":
      return <ActivityPage />;
    default:
      return (
        <PageHead title="Not here">
          <Empty title="There is no such page">The network is under g n, the services under g s.</Empty>
        </PageHead>
      );
  }
}

function Sidebar(): JSX.Element {
  const app = useApp();
  const { view } = app.route.value;
  const about = app.about.value;
  const current = view === "service" ? "services" : view;
  const theme = app.theme.choice.value;
  return (
    <nav class="sidebar" aria-label="Main">
      <a class="brand" href="/" title={about === undefined ? "Isthmus" : `Isthmus ${about.version}`}>
        <img src="/icon.svg" alt="" width="22" height="22" />
        <span>Isthmus</span>
      </a>
      <ul>
        {NAV.map(([name, label, icon, keys]) => (
          <li key={name}>
            <a
              href={name === "network" ? "/" : `/${name}`}
              aria-current={current === name ? "page" : undefined}
              title={`${label} (${keys})`}
            >
              <Icon name={icon} />
              <span>{label}</span>
              <kbd aria-hidden="true">{keys}</kbd>
            </a>
          </li>
        ))}
      </ul>
      <SiteList />
      <div class="sidebar-end">
        <button
          type="button"
          class="ghost"
          onClick={() => (app.dialog.value = "palette")}
          title="Go to (Ctrl K)"
        >
          <Icon name="search" />
          <span>Go to</span>
        </button>
        <button type="button" class="ghost" onClick={() => app.theme.next()} title="Theme (t)">
          <Icon name={theme === "auto" ? "auto" : theme === "dark" ? "moon" : "sun"} />
          <span>{theme === "auto" ? "System theme" : theme === "dark" ? "Dark" : "Light"}</span>
        </button>
        <button type="button" class="ghost" onClick={() => (app.dialog.value = "help")} title="Keys (?)">
          <Icon name="keyboard" />
          <span>Keys</span>
        </button>
      </div>
    </nav>
  );
}

function SiteList(): JSX.Element | null {
  const app = useApp();
  const sites = app.network.value?.sites ?? [];
  const route = app.route.value;
  if (sites.length === 0) return null;
  return (
    <>
      <h2>Sites</h2>
      <ul class="site-list">
        {sites
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map(({ id, name, reachable, routers }) => {
            const bad = !reachable || routers.every(({ stale }) => stale);
            return (
              <li key={id}>
                <a
                  href={`/sites/${encodeURIComponent(id)}`}
                  aria-current={route.view === "site" && route.name === id ? "page" : undefined}
                  title={reachable ? name : `${name}: unreachable`}
                >
                  <span class={`dot ${app.colours.classOf(name)}`} aria-hidden="true" />
                  <span>{name}</span>
                  {bad && (
                    <span class="bad-sign">
                      <Icon name={reachable ? "warn" : "down"} />
                      <span class="off-screen">{reachable ? "stale" : "unreachable"}</span>
                    </span>
                  )}
                </a>
              </li>
            );
          })}
      </ul>
    </>
  );
}

function titleOf(route: Route, siteName: string): string {
  if (route.view === "service") return route.name;
  if (route.view === "site") return siteName;
  return NAV.find(([name]) => name === route.view)?.[1] ?? "Not here";
}
