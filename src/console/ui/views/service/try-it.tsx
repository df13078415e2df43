import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { ServiceView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { ControlButton } from "../../parts/controls.tsx";
import { Panel } from "../../parts/panel.tsx";
import { SiteName } from "../../parts/share-bar.tsx";

const RATES = [20, 100, 300];

/** In a sandbox: more load, more or fewer pods. */
export function TryIt({ view }: { view: ServiceView }): JSX.Element | null {
  const app = useApp();
  const from = useSignal<string | undefined>(undefined);
  if (app.about.value?.sandbox !== true) return null;
  const { service } = view.row;
  const [namespace = "", deployment = ""] = service.split("/");
  const sites = (app.network.value?.sites ?? []).map(({ name }) => name).toSorted();
  const site = from.value ?? view.clients[0]?.site ?? sites[0] ?? "";
  const none = { do: "load", site, service, rps: 0 } as const;
  return (
    <Panel
      title="Try it"
      cli={`kubectl --context sandbox-${view.row.sites[0] ?? site} -n ${namespace} scale deployment/${deployment} --replicas 3`}
    >
      <div class="try-row">
        <label>
          Load from{" "}
          <select value={site} onChange={(event) => (from.value = event.currentTarget.value)}>
            {sites.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {RATES.map((rps) => (
          <ControlButton
            key={rps}
            control={{ ...none, rps }}
            icon="up"
            label={`${rps} requests per second from ${site}`}
            undo={{ label: "End it", control: none }}
          >
            {rps}/s
          </ControlButton>
        ))}
        <ControlButton control={none} icon="stop" label={`No more load from ${site}`}>
          None
        </ControlButton>
      </div>
      {view.row.sites.map((there) => {
        const count = view.pods.filter((pod) => pod.site === there).length;
        const scale = (replicas: number) => ({ do: "scale", site: there, service, replicas }) as const;
        const undo = { label: `Back to ${count}`, control: scale(count) };
        return (
          <div class="try-row" key={there}>
            <span>
              Pods at <SiteName name={there} />
            </span>
            <ControlButton
              control={scale(Math.max(0, count - 1))}
              icon="idle"
              label={`One pod less at ${there}`}
              undo={undo}
              disabled={count === 0}
            >
              Less
            </ControlButton>
            <span class="count">{count}</span>
            <ControlButton
              control={scale(count + 1)}
              icon="up"
              label={`One pod more at ${there}`}
              undo={undo}
            >
              More
            </ControlButton>
          </div>
        );
      })}
    </Panel>
  );
}
