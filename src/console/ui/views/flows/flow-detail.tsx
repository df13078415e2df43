import type { ComponentChildren, JSX } from "preact";
import type { FlowView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { resultOf, toneOf } from "../../domain/flow-list.ts";
import { bytes, day, duration, exactTime } from "../../domain/format.ts";
import { hrefOf } from "../../domain/routes.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { Icon } from "../../parts/icon.tsx";
import { SiteName } from "../../parts/share-bar.tsx";

/** All that is known of one flow. */
export function FlowDetail({ flow }: { flow: FlowView }): JSX.Element {
  const app = useApp();
  const { http } = flow;
  const tone = toneOf(flow);
  return (
    <aside class="detail" aria-label={`Flow ${flow.id}`}>
      <header>
        <h2>
          <span class={`status ${tone}`}>
            <Icon name={tone} />
            {resultOf(flow)}
          </span>{" "}
          {flow.service}
        </h2>
        <button
          type="button"
          class="ghost"
          aria-label="Close (Esc)"
          onClick={() => app.choose({ flow: undefined })}
        >
          <Icon name="bad" />
        </button>
      </header>
      <div class="detail-body" tabIndex={0} role="group" aria-label="Details">
        {http !== undefined && (
          <p class="mono request">
            {http.method} {http.path}
          </p>
        )}
        <ol class="path" aria-label="Way">
          <li>
            <span class="quiet">client</span> {flow.client}
          </li>
          {flow.path.map((id) => (
            <li key={id}>
              <SiteName name={app.siteName(id)} id={id} />
            </li>
          ))}
          <li>
            <span class="quiet">pod</span> {flow.endpointName === "" ? "none" : flow.endpointName}
          </li>
        </ol>
        <dl class="facts">
          {flow.reason !== undefined && <Fact name="Failed">{flow.reason}</Fact>}
          <Fact name="Why this pod">{flow.why}</Fact>
          <Fact name="Started">
            {day(flow.startedMs)} {exactTime(flow.startedMs)}
          </Fact>
          <Fact name="Duration">{duration(flow.durationMs)}</Fact>
          <Fact name="Attempts">{flow.attempts}</Fact>
          <Fact name="Sent">{bytes(flow.bytesToEndpoint)}</Fact>
          <Fact name="Received">{bytes(flow.bytesToClient)}</Fact>
          <Fact name="Port">{flow.port}</Fact>
          {http !== undefined && <Fact name="Host">{http.host}</Fact>}
          {http?.grpcStatus !== undefined && <Fact name="gRPC status">{http.grpcStatus}</Fact>}
          <Fact name="Router">{flow.router}</Fact>
          <Fact name="Endpoint">
            <span class="mono">{flow.endpoint === "" ? "–" : flow.endpoint}</span>
          </Fact>
        </dl>
        <p class="links">
          <a href={hrefOf("service", flow.service, { port: String(flow.port) })}>The service</a>
          <a href={hrefOf("flows", "", { service: flow.service, client: flow.client })}>
            Flows of this client
          </a>
          <a href={hrefOf("flows", "", { service: flow.service, endpoint: flow.endpointName })}>
            Flows of this pod
          </a>
        </p>
      </div>
      <CliLine command={app.cli(`explain ${flow.service} --port ${flow.port}`, flow.sourceSite)} />
    </aside>
  );
}

function Fact(props: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}
