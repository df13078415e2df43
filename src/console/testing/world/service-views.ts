import type { PodRow, ServiceRow, ServiceView } from "#observe/views.ts";
import type { Moment } from "./moment.ts";
import { siteId, siteName } from "./names.ts";
import { isReady, loadOf, podRps, serviceRps } from "./rates.ts";
import type { GeneratedService } from "./services.ts";

export function serviceRow(service: GeneratedService, moment: Moment): ServiceRow {
  const rps = serviceRps(service, moment);
  const ready = service.pods.filter((pod) => isReady(pod, moment));
  const sites = [...new Set(service.pods.map(({ site }) => site))].toSorted((a, b) => a - b);
  return {
    service: service.key,
    protocol: service.protocol,
    ports: [service.port],
    load: loadOf(service, rps, moment),
    podsReady: ready.length,
    pods: service.pods.length,
    sites: sites.map(siteName),
    shares: sites.map((site) => {
      const wanted = ready.filter((pod) => pod.site === site).length / Math.max(1, ready.length);
      return {
        site: siteName(site),
        percent: rps === 0 ? 0 : (serviceRps(service, moment, { site }) / rps) * 100,
        wantedPercent: wanted * 100,
      };
    }),
    state: ready.length === 0 ? "down" : rps === 0 ? "idle" : service.failing ? "failover" : "ok",
  };
}

export function serviceView(service: GeneratedService, moment: Moment): ServiceView {
  const row = serviceRow(service, moment);
  return {
    atMs: moment.atMs,
    row,
    port: service.port,
    pods: podRows(service, row, moment),
    clients: [
      {
        site: siteName(service.client),
        siteId: siteId(service.client),
        load: row.load,
        mode: service.mode,
        spread: "Even",
        algorithm: "LeastLoad",
      },
    ],
  };
}

function podRows(service: GeneratedService, row: ServiceRow, moment: Moment): PodRow[] {
  const observedSeconds = (moment.atMs - moment.startMs) / 1000 + 3600;
  return service.pods.map((pod, index) => {
    const rps = podRps(service, pod, moment);
    const ready = isReady(pod, moment);
    return {
      endpoint: `${siteId(pod.site)}/e${index}`,
      name: pod.name,
      site: siteName(pod.site),
      siteId: siteId(pod.site),
      ready,
      load: loadOf(service, rps, moment),
      sharePercent: row.load.rps === 0 ? 0 : (rps / row.load.rps) * 100,
      ...(ready ? { wantedPercent: 100 / Math.max(1, row.podsReady) } : {}),
      total: Math.round(pod.base * observedSeconds),
    };
  });
}
