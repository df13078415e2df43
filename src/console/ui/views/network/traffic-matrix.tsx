import type { JSX } from "preact";
import type { NetworkView } from "#observe/views.ts";
import { bytesPerSecond, rate } from "../../domain/format.ts";
import { SiteName } from "../../parts/share-bar.tsx";

/** Who asks (rows) and who answers (columns); the more, the darker. */
export function TrafficMatrix({ network }: { network: NetworkView }): JSX.Element {
  const sites = network.sites.toSorted((a, b) => a.name.localeCompare(b.name));
  const pairs = new Map(network.traffic.map((pair) => [`${pair.from} ${pair.to}`, pair]));
  const most = Math.max(1, ...network.traffic.map(({ rps }) => rps));
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Requests from site to site">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">from \ to</th>
            {sites.map(({ id, name }) => (
              <th key={id} scope="col" class="number">
                <SiteName name={name} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sites.map((from) => (
            <tr key={from.id}>
              <th scope="row">
                <SiteName name={from.name} />
              </th>
              {sites.map((to) => {
                const pair = pairs.get(`${from.id} ${to.id}`);
                const level = pair === undefined || pair.rps === 0 ? 0 : Math.ceil((pair.rps / most) * 5);
                return (
                  <td
                    key={to.id}
                    class={`number heat-${level}`}
                    title={`${from.name} to ${to.name}: ${rate(pair?.rps ?? 0)}, ${bytesPerSecond(pair?.bytesPerSecond ?? 0)}`}
                  >
                    {pair === undefined ? <span class="quiet">–</span> : rate(pair.rps)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
