import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { stringify } from "yaml";
import { type Finished, Playground } from "./lib/playground.ts";

const KUBECTL = Bun.which("kubectl");
if (KUBECTL === null) process.stderr.write("notice: kubectl is not installed: its tests are skipped\n");

/** Port 53 is root's, and so are namespaces without programs of their own. */
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("notice: not root: names and hostnames of pods are not tested\n");

let playground: Playground;
let kubeconfig: string;

interface Options {
  readonly input?: string;
  readonly token?: string;
}

async function kubectl(words: readonly string[], { input = "", token }: Options = {}): Promise<Finished> {
  const config = token === undefined ? kubeconfig : playground.file(`kubeconfig-${token.slice(-8)}`);
  if (token !== undefined)
    writeFileSync(config, readFileSync(kubeconfig, "utf8").replace(/token: .*/, `token: ${token}`));
  const child = Bun.spawn(
    [
      KUBECTL ?? "",
      "--kubeconfig",
      config,
      "--context",
      "sandbox-c1",
      "--cache-dir",
      playground.file("cache"),
      ...words,
    ],
    { stdin: new TextEncoder().encode(input), stdout: "pipe", stderr: "pipe" },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

async function must(words: string, options?: Options): Promise<string> {
  const { code, stdout, stderr } = await kubectl(words.split(" "), options);
  if (code !== 0) throw new Error(`kubectl ${words}: ${stderr}`);
  return stdout;
}

async function apply(...objects: object[]): Promise<void> {
  await must("apply -f -", { input: objects.map((object) => stringify(object)).join("---\n") });
}

/** Runs a command of a shell in a pod. */
const inPod = (name: string, script: string): Promise<Finished> =>
  kubectl(["exec", name, "--", "sh", "-c", script]);

function pod(name: string, spec: object, container: object = {}): object {
  const main = { name: "main", image: "any", command: ["sleep", "1000"], ...container };
  const metadata = { name, labels: { app: name } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { terminationGracePeriodSeconds: 1, containers: [main], ...spec },
  };
}

async function dnsAddress(): Promise<string> {
  return (await must("get service kube-dns -n kube-system -o jsonpath={.spec.clusterIP}")).trim();
}

const SEARCH = "search default.svc.cluster.local svc.cluster.local cluster.local";

const ECHO = { image: "isthmus/echo", command: undefined, ports: [{ containerPort: 8080 }] };

describe.skipIf(KUBECTL === null)("a pod of a sandbox", () => {
  beforeAll(async () => {
    playground = new Playground();
    await playground.must("sandbox", "up", "c1");
    kubeconfig = (await playground.must("sandbox", "kubeconfig")).trim();
    await apply(
      pod(
        "plain",
        { volumes: [{ name: "d", emptyDir: {} }] },
        {
          env: [{ name: "COLOUR", value: "blue" }],
          volumeMounts: [{ name: "d", mountPath: "/data/deep" }],
          workingDir: "/data/deep",
        },
      ),
      pod("web", {}, ECHO),
      pod("named", {
        hostname: "first",
        subdomain: "group",
        hostAliases: [{ ip: "10.9.9.9", hostnames: ["far"] }],
      }),
      pod("machine", { dnsPolicy: "Default" }),
      pod("own", {
        dnsPolicy: "None",
        dnsConfig: {
          nameservers: ["10.0.0.1"],
          searches: ["a.test"],
          options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
        },
      }),
      pod("more", { dnsConfig: { searches: ["b.test"], options: [{ name: "ndots", value: "1" }] } }),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { selector: { app: "web" }, ports: [{ name: "http", port: 8080 }] },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "group" },
        spec: { clusterIP: "None", selector: { app: "named" } },
      },
    );
    await must("wait pod --all --for=condition=Ready --timeout=30s");
  }, 60_000);

  afterAll(async () => {
    await playground[Symbol.asyncDispose]();
  }, 60_000);

  test.skipIf(!isRoot)(
    "has the resolv.conf of its dnsPolicy and dnsConfig, and the machine keeps its own",
    async () => {
      const before = readFileSync("/etc/resolv.conf", "utf8");
      const dns = await dnsAddress();
      const expected: Record<string, string> = {
        plain: `${SEARCH}\nnameserver ${dns}\noptions ndots:5\n`,
        machine: before,
        own: "search a.test\nnameserver 10.0.0.1\noptions ndots:2 edns0\n",
        more: `${SEARCH} b.test\nnameserver ${dns}\noptions ndots:1\n`,
      };
      for (const [name, text] of Object.entries(expected)) {
        // oxlint-disable-next-line no-await-in-loop -- one kubectl at a time
        expect({ name, text: (await inPod(name, "cat /etc/resolv.conf")).stdout }).toEqual({ name, text });
      }
      expect(readFileSync("/etc/resolv.conf", "utf8")).toBe(before);
    },
    60_000,
  );

  test.skipIf(!isRoot)(
    "finds Services and pods by name, as the system and as a program of its own",
    async () => {
      const cluster = (await must("get service web -o jsonpath={.spec.clusterIP}")).trim();
      const own = (await must("get pod named -o jsonpath={.status.podIP}")).trim();
      const { stdout } = await inPod(
        "plain",
        "for n in web web.default first.group; do getent hosts $n | cut -d' ' -f1; done",
      );
      expect(stdout.trim().split("\n")).toEqual([cluster, cluster, own]);
      const fetched = await inPod(
        "plain",
        `${process.execPath} -e 'console.log(await (await fetch("http://web:8080/x")).text())'`,
      );
      expect(fetched.stdout).toContain('"path":"/x"');
    },
    60_000,
  );

  test.skipIf(!isRoot)(
    "knows itself by its hostname, and hosts as it was told",
    async () => {
      const own = (await must("get pod named -o jsonpath={.status.podIP}")).trim();
      const { stdout } = await inPod(
        "named",
        "hostname; getent hosts first; getent hosts far | cut -d' ' -f1",
      );
      expect(stdout.replaceAll(/ +/g, " ").trim().split("\n")).toEqual([
        "first",
        `${own} first.group.default.svc.cluster.local first`,
        "10.9.9.9",
      ]);
      expect(hostname()).not.toBe("first");
    },
    60_000,
  );

  test("runs commands in its environment, working directory and files, with their exit code and both outputs", async () => {
    const ran = await inPod("plain", "pwd; echo $COLOUR $POD_NAME; echo wrong >&2; exit 7");
    expect(ran.code).toBe(7);
    expect(ran.stdout).toBe("/data/deep\nblue plain\n");
    expect(ran.stderr).toContain("wrong\n");
    expect(ran.stderr).toContain("exit code 7");
    expect((await inPod("plain", "echo left > /data/deep/file")).code).toBe(0);
    expect((await inPod("plain", "cat file")).stdout).toBe("left\n");
    const killed = await inPod("plain", "kill -9 $$");
    expect(killed.code).toBe(137);
  }, 60_000);

  test("gives a command its input to the end, and takes all of its output", async () => {
    const input = "0123456789abcdef".repeat(128 * 1024);
    const counted = await kubectl(["exec", "-i", "web", "--", "wc", "-c"], { input });
    expect(counted.stdout.trim()).toBe(String(input.length));
    const echoed = await kubectl(["exec", "-i", "web", "--", "cat"], { input });
    expect(echoed.stdout === input).toBe(true);
  }, 60_000);

  test("says what is wrong when there is no such pod, container or command", async () => {
    expect((await kubectl(["exec", "nobody", "--", "true"])).stderr).toContain('pods "nobody" not found');
    const other = await kubectl(["exec", "web", "-c", "other", "--", "true"]);
    expect(other.stderr).toContain("container other is not valid for pod web");
    expect((await kubectl(["exec", "web", "--", "no-such-program"])).code).toBe(127);
  }, 60_000);

  test("lets those in who may, and nobody else", async () => {
    await must("create serviceaccount looker");
    await must("create rolebinding looker --clusterrole=view --serviceaccount=default:looker");
    const token = (await must("create token looker")).trim();
    const refused = await kubectl(["exec", "web", "--", "true"], { token });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cannot (get|create) resource "pods\/exec"/);
    await must("create role in --verb=get,create --resource=pods/exec");
    await must("create rolebinding in --role=in --serviceaccount=default:looker");
    expect((await kubectl(["exec", "web", "--", "true"], { token })).code).toBe(0);
  }, 60_000);

  test("gives a command a terminal of the size of the user's", async () => {
    let seen = "";
    const words = [
      "exec",
      "-it",
      "web",
      "--",
      "sh",
      "-c",
      "tty; stty size; read line; echo got $line; exit 4",
    ];
    const child = Bun.spawn(
      [KUBECTL ?? "", "--kubeconfig", kubeconfig, "--context", "sandbox-c1", ...words],
      {
        env: { ...process.env, KUBECACHEDIR: playground.file("cache") },
        terminal: {
          cols: 101,
          rows: 33,
          data(terminal, bytes) {
            const before = seen.includes("33 101");
            seen += Buffer.from(bytes).toString();
            if (!before && seen.includes("33 101")) terminal.write("hello\r");
          },
        },
      },
    );
    const code = await child.exited;
    expect(seen).toContain("/dev/pts/");
    expect(seen).toContain("got hello");
    expect(code).toBe(4);
    child.terminal?.close();
  }, 60_000);

  test("ends a command with itself", async () => {
    await apply(pod("short", {}));
    await must("wait pod/short --for=condition=Ready --timeout=30s");
    const running = inPod("short", "echo up; exec sleep 1000");
    await must("delete pod short --wait=true");
    const { code } = await running;
    expect(code).not.toBe(0);
  }, 60_000);
});
