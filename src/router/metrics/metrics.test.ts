import { expect, test } from "bun:test";
import { Page } from "./page.ts";
import { eventually, listener, listenPort, Rig, service } from "../testing/routers.ts";
import { TestNetwork } from "../testing/network.ts";
import type { Router } from "../router.ts";

const accept = [{ listen: "127.0.0.1:0" }];

/** Samples of a metric: labels and value, as they stand in the page. */
function samples(router: Router, name: string): string[] {
  return router
    .metrics()
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length));
}

/** Two linked sites, of which the second has the pods; some traffic of each kind went from the first to it. */
async function traffic(rig: Rig): Promise<Router> {
  const network = await TestNetwork.create();
  const pod = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response("ok", { status: request.url.endsWith("/404") ? 404 : 200 }),
  });
  rig.defer(() => void pod.stop(true));
  const far = rig.router({
    site: { id: "id-b", name: "b" },
    identity: await network.identity("id-b"),
    accept,
    services: [service([{ port: pod.port as number }]), service([rig.backend()], "default/db")],
  });
  const near = rig.router({
    site: { id: "id-a", name: 'a"\\' },
    identity: await network.identity("id-a"),
    links: [
      { name: "to-b", addresses: [`127.0.0.1:${far.linkPorts[0]}`] },
      { name: "to-nowhere", addresses: ["127.0.0.1:1"] },
    ],
    listeners: [{ ...listener(), protocol: "http" }, listener("default/db")],
  });
  await eventually(() =>
    [...near.core().services.entries()].every(({ endpoints }) => [...endpoints].length === 1),
  );
  for (const path of ["/", "/", "/404"])
    await (await fetch(`http://127.0.0.1:${listenPort(near)}${path}`)).text();
  const client = await rig.client(listenPort(near, 1));
  client.send("hello");
  await client.until((one) => one.text === "hello");
  return near;
}

test("requests and connections are told by site, service, protocol and class, with their bytes and durations", async () => {
  using rig = new Rig();
  const near = await traffic(rig);
  const web = 'source_site="a\\"\\\\",destination_site="b",service="default/app",port="8080",protocol="http"';
  const db = 'source_site="a\\"\\\\",destination_site="b",service="default/db",port="8080",protocol="tcp"';
  expect(samples(near, "isthmus_requests_total").filter((line) => !line.endsWith(" 0"))).toEqual([
    `{${web},code_class="2xx"} 2`,
    `{${web},code_class="4xx"} 1`,
  ]);
  expect(samples(near, "isthmus_request_duration_seconds_count")).toEqual([`{${web}} 3`]);
  expect(samples(near, "isthmus_request_duration_seconds_bucket").at(-1)).toBe(`{${web},le="+Inf"} 3`);
  expect(samples(near, "isthmus_connections_total")).toEqual([`{${db}} 1`]);
  expect(samples(near, "isthmus_connections")).toEqual([`{${db}} 1`]);
  expect(samples(near, "isthmus_bytes_total")).toContain(`{${db},direction="to_endpoint"} 5`);
  expect(samples(near, "isthmus_service_endpoints")).toContain(
    '{service="default/app",site="b",ready="true"} 1',
  );
  expect(
    samples(near, "isthmus_link_up").map((line) => [/link="(.*?)"/.exec(line)?.[1], line.at(-1)]),
  ).toEqual([
    ["to-b", "1"],
    ["to-nowhere", "0"],
  ]);
  const expiry = Number(samples(near, "isthmus_certificate_expiry_timestamp_seconds")[0]);
  expect(expiry).toBeGreaterThan(Date.now() / 1000 + 3600);
  expect(expiry).toBeLessThan(Date.now() / 1000 + 2 * 86_400);
});

test("promtool finds nothing wrong with the page", async () => {
  const promtool = Bun.which("promtool");
  if (promtool === null) {
    console.log("notice: promtool is not installed, its judgement of the metrics was not asked for");
    return;
  }
  using rig = new Rig();
  const near = await traffic(rig);
  const check = Bun.spawn([promtool, "check", "metrics"], {
    stdin: new Blob([near.metrics()]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = (await new Response(check.stdout).text()) + (await new Response(check.stderr).text());
  expect(said).toBe("");
  expect(await check.exited).toBe(0);
}, 30_000);

test("a family without samples is left out; what labels say is escaped", () => {
  const page = new Page();
  page.counter("a_total", "A", []);
  page.gauge("b", "B", [[{ name: 'x"\\\n' }, 1]]);
  page.histogram("c", { help: "C", bounds: [1], samples: [{ labels: {}, counts: [1, 2], sum: 9 }] });
  expect(page.text).toBe(
    [
      "# HELP b B",
      "# TYPE b gauge",
      'b{name="x\\"\\\\\\n"} 1',
      "# HELP c C",
      "# TYPE c histogram",
      'c_bucket{le="1"} 1',
      'c_bucket{le="+Inf"} 3',
      "c_sum 9",
      "c_count 3",
      "",
    ].join("\n"),
  );
});
