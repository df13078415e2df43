import type { JSX } from "preact";
import type { NetworkView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { plural, rate } from "../../domain/format.ts";
import { PageHead } from "../../parts/page-head.tsx";
import { Empty, Panel, Stat, Waiting } from "../../parts/panel.tsx";
import { LinksTable } from "./links-table.tsx";
import { NetworkMap } from "./network-map.tsx";
import { TrafficMatrix } from "./traffic-matrix.tsx";

/** Sites, what links them, and what flows. */
export function NetworkPage(): JSX.Element {
  const app = useApp();
  const network = app.network.value;
  return (
    <PageHead title="Network">
      {network === undefined ? <Waiting rows={8} /> : <Content network={network} />}
    </PageHead>
  );
}

function Content({ network }: { network: NetworkView }): JSX.Element {
  const app = useApp();
  const { sites, links } = network;
  const reachable = sites.filter((site) => site.reachable).length;
  const up = links.filter(({ state }) => state === "up").length;
  const [ready, pods] = [sum(sites.map(({ podsReady }) => podsReady)), sum(sites.map((site) => site.pods))];
  if (sites.length === 0) {
    return (
      <Panel title="Sites" cli={app.cli("status")}>
        <Empty title="There is no site yet" next={app.cli("init")}>
          A site is a namespace that takes part in the network.
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      <dl class="stats">
        <Stat
          label="Sites"
          value={`${reachable} of ${sites.length}`}
          note={reachable === sites.length ? "all reachable" : `${sites.length - reachable} unreachable`}
          {...(reachable === sites.length ? {} : { tone: "bad" as const })}
        />
        <Stat
          label="Links"
          value={`${up} of ${links.length}`}
          note={up === links.length ? "all up" : `${links.length - up} not up`}
          {...(up === links.length ? {} : { tone: "bad" as const })}
        />
        <Stat
          label="Pods"
          value={`${ready} of ${pods}`}
          note={ready === pods ? "all ready" : `${plural(pods - ready, "pod")} not ready`}
          {...(ready === pods ? {} : { tone: "warn" as const })}
        />
        <Stat label="Requests" value={rate(sum(sites.map(({ rps }) => rps)))} note="of all clients" />
      </dl>
      <Panel title="Map" class="map-panel" cli={app.cli("network status")}>
        <NetworkMap network={network} />
        {sites.length === 1 && (
          <Empty title="This site stands alone" next={app.cli("token create FILE")}>
            A token lets another site link to it.
          </Empty>
        )}
      </Panel>
      <div class={sites.length <= 4 ? "columns wide-left" : "stack"}>
        <Panel title="Links" cli={app.cli("link status")}>
          <LinksTable links={links} />
        </Panel>
        <Panel title="Requests from site to site" cli={app.cli("top")}>
          <TrafficMatrix network={network} />
        </Panel>
      </div>
    </>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
