import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importsServers, reloads, unifiedDiff, withoutStub, withStub, zoneServer } from "./corefile.ts";

const ZONE = "clusterset.local";
const STUB = { zone: ZONE, address: "10.96.0.53", ttl: 5 };
const PLAIN = `.:53 {
    errors
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure # clusterset.local:53 {
       fallthrough in-addr.arpa ip6.arpa
    }
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    reload
}
`;
const BLOCK = `# By "isthmus dns install"; "isthmus dns uninstall" takes it out.
clusterset.local:53 {
    errors
    cache 5
    forward . 10.96.0.53
}
`;

test("a Corefile without the zone gets a block at its end, once, and is byte for byte as before when it is taken out", () => {
  expect(zoneServer(PLAIN, ZONE)).toEqual({ by: "nobody" });
  const once = withStub(PLAIN, STUB);
  expect(once).toBe(PLAIN + BLOCK);
  expect(withStub(once, STUB)).toBe(once);
  expect(withoutStub(once, ZONE)).toBe(PLAIN);
  expect(withoutStub(PLAIN, ZONE)).toBe(PLAIN);
});

test("a block of ours with another address is replaced where it is, whatever stands around it", () => {
  const between = `${PLAIN}${BLOCK}example.org {\n    whoami\n}\nimport custom/*.server\n`;
  const moved = withStub(between, { ...STUB, address: "fd00::53", ttl: 0 });
  expect(moved).toContain("    errors\n    forward . fd00::53\n}\nexample.org {\n");
  expect(moved).not.toContain("10.96.0.53");
  expect(withoutStub(moved, ZONE)).toBe(`${PLAIN}example.org {\n    whoami\n}\nimport custom/*.server\n`);
  const last = withStub(`${PLAIN}import custom/*.server\n`, STUB);
  expect(withoutStub(last, ZONE)).toBe(`${PLAIN}import custom/*.server\n`);
});

test("a CoreDNS that serves the zone itself is recognised, by either plugin", () => {
  const native = PLAIN.replace("kubernetes cluster.local", `kubernetes cluster.local ${ZONE}`).replace(
    "       pods insecure",
    `       multicluster ${ZONE}\n       pods insecure`,
  );
  expect(zoneServer(native, ZONE)).toEqual({ by: "coredns" });
  expect(zoneServer(native, "other.local")).toEqual({ by: "nobody" });
  expect(zoneServer(`${ZONE} {\n  multicluster\n}\n`, ZONE)).toEqual({ by: "coredns" });
  expect(zoneServer(`.:53 {\n  multicluster ${ZONE}.\n}\n`, ZONE)).toEqual({ by: "coredns" });
  expect(zoneServer(`.:53 {\n  # multicluster ${ZONE}\n  errors\n}\n`, ZONE)).toEqual({ by: "nobody" });
});

test("somebody else's block for the zone is seen in every way to write it, snippets and comments are not", () => {
  for (const key of [
    `${ZONE}:53 {`,
    `ClusterSet.Local. {`,
    `dns://${ZONE}:1053 {`,
    `example.org, ${ZONE} {`,
    `example.org,\n${ZONE} {`,
    `"${ZONE}" {`,
  ]) {
    const text = `${PLAIN}${key}\n    forward . 10.0.0.1\n}\n`;
    expect({ key, server: zoneServer(text, ZONE) }).toMatchObject({ key, server: { by: "other" } });
    expect(withoutStub(text, ZONE)).toBe(text);
  }
  expect(zoneServer(`#${ZONE} {\n#}\n${PLAIN}`, ZONE)).toEqual({ by: "nobody" });
  expect(zoneServer(`(${ZONE}) {\n  errors\n}\n${PLAIN}`, ZONE)).toEqual({ by: "nobody" });
  expect(zoneServer(`${PLAIN}${ZONE} {\n`, ZONE)).toEqual({ by: "nobody" });
});

test("whether it reloads by itself, and has a place for other files, is known", () => {
  expect(reloads(PLAIN)).toBe(true);
  expect(reloads(PLAIN.replace("    reload\n", ""))).toBe(false);
  expect(importsServers(PLAIN)).toBe(false);
  expect(importsServers(`${PLAIN}import custom/*.server\n`)).toBe(true);
});

const patch = Bun.which("patch");
if (patch === null) console.log("notice: patch is not installed, its check of the diff is skipped");

test.skipIf(patch === null)("the diff is one that patch takes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-diff-"));
  const path = join(dir, "Corefile");
  for (const [before, after] of [
    [PLAIN, PLAIN + BLOCK],
    [PLAIN + BLOCK, PLAIN],
    [`${PLAIN}${BLOCK}x {\n}\n`, `${PLAIN}${BLOCK.replace("96", "97")}x {\n}\n`],
  ] as const) {
    await Bun.write(path, before);
    const stdin = new Blob([unifiedDiff(before, after, "Corefile")]);
    const child = Bun.spawn([patch ?? "", "-s", "Corefile"], { cwd: dir, stdin });
    expect(await child.exited).toBe(0);
    expect(await Bun.file(path).text()).toBe(after);
  }
  rmSync(dir, { recursive: true });
  expect(unifiedDiff(PLAIN, PLAIN, "Corefile")).toBe("");
});
