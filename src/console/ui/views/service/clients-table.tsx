import type { JSX } from "preact";
import type { ServiceView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { duration, percent, rate } from "../../domain/format.ts";
import { Empty, Panel } from "../../parts/panel.tsx";
import { SiteName } from "../../parts/share-bar.tsx";

/** Who asks: each site decides by its own policy. */
export function ClientsTable({ view }: { view: ServiceView }): JSX.Element {
  const app = useApp();
  return (
    <Panel title="Asked from" cli={app.cli(`flows ${view.row.service}`)}>
      {view.clients.length === 0 ? (
        <Empty title="Nobody has asked yet">
          Its name is {view.row.service.split("/")[1]}, at each site.
        </Empty>
      ) : (
        <div class="table-scroll" tabIndex={0} role="group" aria-label="Clients by site">
          <table>
            <thead>
              <tr>
                <th>Site</th>
                <th>Policy there</th>
                <th class="number">Rate</th>
                <th class="number">Success</th>
                <th class="number">p95</th>
              </tr>
            </thead>
            <tbody>
              {view.clients.map(({ site, siteId, load, mode, spread, algorithm }) => (
                <tr key={siteId}>
                  <td>
                    <SiteName name={site} id={siteId} />
                  </td>
                  <td>
                    {mode}
                    <span class="quiet">
                      {" "}
                      · {spread} · {algorithm}
                    </span>
                  </td>
                  <td class="number">{rate(load.rps)}</td>
                  <td class="number">{percent(load.successPercent)}</td>
                  <td class="number">{duration(load.p95Ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
