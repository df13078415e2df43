import type { JSX } from "preact";
import type { ServiceExplanation, ServiceView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { usePoll } from "../../data/use.ts";
import { share, span } from "../../domain/format.ts";
import { policyWords } from "../../domain/policy-words.ts";
import { Panel, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { SiteName } from "../../parts/share-bar.tsx";
import { Status } from "../../parts/status.tsx";

const EVERY_MS = 3000;

/** The policy in force, and why the requests go where they go. */
export function PolicyPanel({ path, view }: { path: string; view: ServiceView }): JSX.Element {
  const app = useApp();
  const url = `${path}/explain?port=${view.port}`;
  const { data, error } = usePoll<ServiceExplanation>(() => url, { everyMs: EVERY_MS, key: url });
  const explanation = data.value;
  return (
    <Panel title="Policy, and why" cli={app.cli(`explain ${view.row.service} --port ${view.port}`)}>
      {explanation !== undefined ? (
        <Explanation explanation={explanation} />
      ) : error.value === undefined ? (
        <Waiting rows={6} />
      ) : (
        <Problem error={error.value} />
      )}
    </Panel>
  );
}

function Explanation({ explanation }: { explanation: ServiceExplanation }): JSX.Element {
  const { tiers, clusters, endpoints, sample, unknownTargets } = explanation;
  const out = endpoints.filter(({ state, why }) => state === "out" || why !== undefined);
  return (
    <div class="explanation">
      <p>{policyWords(explanation.policy)}</p>
      {unknownTargets.length > 0 && (
        <p class="warn-text">No site of the network is called {unknownTargets.join(", ")}.</p>
      )}
      <h3>Tiers</h3>
      <ul class="plain">
        {tiers.map(({ tier, clusters: names, healthyPercent, sharePercent, why }) => (
          <li key={tier}>
            <span class="tier">{tier}</span>
            <span>
              {names.map((name) => (
                <SiteName key={name} name={name} />
              ))}
              <span class="quiet"> {share(healthyPercent)} healthy, </span>
              takes {share(sharePercent)}
              <span class="why">{why}</span>
            </span>
          </li>
        ))}
      </ul>
      <h3>Clusters</h3>
      <table>
        <thead>
          <tr>
            <th>Cluster</th>
            <th class="number">Cost</th>
            <th class="number">Ready</th>
            <th class="number">Wanted</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {clusters.map(
            ({ cluster, siteId, cost, readyEndpoints, endpoints: all, sharePercent, why, local }) => (
              <tr key={siteId}>
                <td>
                  <SiteName name={cluster} id={siteId} />
                </td>
                <td class="number">{cost ?? "–"}</td>
                <td class="number">
                  {readyEndpoints}/{all}
                </td>
                <td class="number">{share(sharePercent)}</td>
                <td class="quiet">{why ?? (local ? "local" : "")}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
      {out.length > 0 && (
        <>
          <h3>Pods that are treated apart</h3>
          <ul class="plain">
            {out.slice(0, 12).map(({ endpoint, name, state, why, ejectedForMs }) => (
              <li key={endpoint}>
                <Status state={state} />
                <span>
                  {name}
                  <span class="why">
                    {why}
                    {ejectedForMs !== undefined && `, for ${span(ejectedForMs)} more`}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {sample !== undefined && (
        <>
          <h3>A request now</h3>
          <ol class="steps">
            {sample.steps.map((step, index) => (
              <li key={index}>{step}</li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
