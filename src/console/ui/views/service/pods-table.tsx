import type { JSX } from "preact";
import type { PodRow, ServiceView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { duration, grouped, percent, rate, share } from "../../domain/format.ts";
import { hrefOf } from "../../domain/routes.ts";
import { ControlButton } from "../../parts/controls.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { bySite, SiteName } from "../../parts/share-bar.tsx";
import { Status } from "../../parts/status.tsx";

/** Each pod with its share beside what the policy wants for it. */
export function PodsTable({ view }: { view: ServiceView }): JSX.Element {
  const app = useApp();
  const { service, shares } = view.row;
  const sandbox = app.about.value?.sandbox === true;
  const name = service.split("/")[1] ?? service;
  const most = Math.max(
    1,
    ...view.pods.map(({ sharePercent, wantedPercent = 0 }) => Math.max(sharePercent, wantedPercent)),
  );
  const pods = view.pods.toSorted((a, b) => a.site.localeCompare(b.site) || a.name.localeCompare(b.name));
  return (
    <Panel
      title="Pods"
      aside={
        <span class="quiet">
          {bySite(shares).map(({ site, percent: part, wantedPercent }) => (
            <span key={site} class="site-share">
              <SiteName name={site} /> {share(part)}
              {wantedPercent !== undefined && ` of ${share(wantedPercent)} wanted`}
            </span>
          ))}
        </span>
      }
      cli={app.cli(`top pods ${service}`)}
    >
      {pods.length === 0 ? (
        <Empty
          title="No site has a pod for this service"
          next={app.cli(`expose deployment/${name} --port ${view.port}`)}
        >
          Its name stays, and requests to it fail until one is there.
        </Empty>
      ) : (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Pods">
          <table class="fixed">
            <thead>
              <tr>
                <th class="w-name">Pod</th>
                <th class="w-site">Site</th>
                <th class="w-state">State</th>
                <th class="number w-num">Rate</th>
                <th class="number w-num">Success</th>
                <th class="number w-num less">p50</th>
                <th class="number w-num">p99</th>
                <th class="number w-num less" title="Since its router was first observed">
                  Total
                </th>
                <th class="w-bar" title="The mark, and the second number: what the policy wants">
                  Share, and wanted
                </th>
                {sandbox && <th class="w-actions">Try</th>}
              </tr>
            </thead>
            <tbody>
              {pods.map((pod) => (
                <tr key={pod.endpoint}>
                  <td class="name" title={pod.name}>
                    <a href={hrefOf("flows", "", { service, endpoint: pod.name })}>{pod.name}</a>
                  </td>
                  <td>
                    <SiteName name={pod.site} id={pod.siteId} />
                  </td>
                  <td>
                    <Status state={pod.ready ? "ready" : "not ready"} />
                  </td>
                  <td class="number">{rate(pod.load.rps)}</td>
                  <td class="number">{percent(pod.load.successPercent)}</td>
                  <td class="number less">{duration(pod.load.p50Ms)}</td>
                  <td class="number">{duration(pod.load.p99Ms)}</td>
                  <td class="number less" data-total={pod.total}>
                    {grouped(pod.total)}
                  </td>
                  <td>
                    <PodShare pod={pod} most={most} />
                  </td>
                  {sandbox && (
                    <td class="actions">
                      <ControlButton
                        control={{ do: "kill-pod", site: pod.site, pod: pod.name }}
                        icon="kill"
                        label={`Kill ${pod.name}; its kubelet starts it again`}
                      >
                        Kill
                      </ControlButton>
                      <ControlButton
                        control={{ do: "stop-pod", site: pod.site, pod: pod.name }}
                        icon="stop"
                        label={`Stop ${pod.name}; its Deployment makes another`}
                      >
                        Stop
                      </ControlButton>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** Its share as a bar, and a mark where the policy wants it to end. */
function PodShare({ pod, most }: { pod: PodRow; most: number }): JSX.Element {
  const app = useApp();
  const wanted = pod.wantedPercent;
  return (
    <div class="pod-share">
      <svg class="share-bar" width="100%" height="12" aria-hidden="true">
        <rect class="track" width="100%" height="8" y="2" rx="2" />
        <rect
          class={`part ${app.colours.classOf(pod.site)}`}
          width={`${(pod.sharePercent / most) * 100}%`}
          height="8"
          y="2"
          rx="2"
        />
        {wanted !== undefined && wanted > 0 && (
          <rect class="wanted" x={`${Math.min(99, (wanted / most) * 100)}%`} width="2" height="12" />
        )}
      </svg>
      <span class="number">{share(pod.sharePercent)}</span>
      <span class="number quiet">{share(pod.wantedPercent)}</span>
    </div>
  );
}
