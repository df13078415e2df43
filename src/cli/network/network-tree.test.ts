import { expect, test } from "bun:test";
import { styleFor } from "../output/style.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { formatNetwork } from "./network-tree.ts";

const plain = styleFor(new MemoryIo(), "out");
const PORT = { port: 8080, protocol: "TCP" as const };

test("the network is a tree: sites, links with cost and round trip, services, pods marked local or remote", () => {
  const text = formatNetwork(
    {
      network: "net-1",
      self: "id-1",
      links: [
        {
          name: "to-c2",
          direction: "outgoing",
          site: "c2",
          siteId: "id-2",
          cost: 4,
          rttMs: 0.5,
          state: "up",
        },
        { name: "gone", direction: "outgoing", cost: 10, state: "down", message: "connection refused" },
        { direction: "incoming", site: "c2", siteId: "id-2", cost: 4, state: "up" },
      ],
      sites: [
        {
          id: "id-2",
          name: "c2",
          namespace: "shop",
          version: "0.1.0",
          reachable: true,
          links: [{ site: "id-1", cost: 4, rttMs: 0.5, state: "up" }],
          services: [
            { service: "shop/web", ports: [PORT], endpoints: [{ id: "a", name: "web-a", ready: true }] },
            { service: "shop/db", ports: [PORT], endpoints: [] },
          ],
        },
        {
          id: "id-1",
          name: "c1",
          namespace: "shop",
          reachable: true,
          links: [{ site: "id-2", cost: 4, rttMs: 0.5 }],
          services: [
            { service: "shop/own", ports: [PORT], endpoints: [{ id: "b", name: "own-b", ready: false }] },
          ],
        },
      ],
    },
    plain,
  );
  expect(text).toBe(`Network net-1, 2 sites

c1   namespace shop, this site
├─ link to-c2 to c2   cost 4    0.5 ms   up
├─ link gone to ?     cost 10            down: connection refused
├─ link from c2       cost 4    0.5 ms   up
└─ service shop/own:8080   0 of 1 ready
   └─ local pod own-b   not ready

c2   namespace shop, version 0.1.0, remote
├─ link to c1   cost 4   0.5 ms   up
├─ service shop/web:8080   1 of 1 ready
│  └─ remote pod web-a   ready
└─ service shop/db:8080   no pods
`);
});

test("a site that cannot be reached stays visible, marked, and nothing of it is said to be well", () => {
  const service = {
    service: "shop/web",
    ports: [PORT],
    endpoints: [{ id: "a", name: "web-a", ready: true }],
  };
  const links = [{ site: "id-1", cost: 1 }];
  const away = { id: "id-2", name: "c2", reachable: false, links, services: [service] };
  const text = formatNetwork({ network: "n", self: "id-1", links: [], sites: [away] }, plain);
  expect(text).toBe(`Network n, 1 site

c2   remote unreachable; this is the last that was heard of it
├─ link to id-1   cost 1   unknown
└─ service shop/web:8080   1 of 1 ready when last heard
   └─ remote pod web-a   unknown
`);
});
