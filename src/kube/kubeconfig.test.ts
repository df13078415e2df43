import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { inCluster } from "./in-cluster.ts";
import { kubeconfigContexts, loadKubeconfig } from "./kubeconfig.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : stringify(content));
  return path;
}

function config(user: object, cluster: object = {}): object {
  return {
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443/", ...cluster } }],
    users: [{ name: "u", user }],
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("merging", () => {
  test("several files are one: the first that names something wins, missing files are skipped", () => {
    const first = write("first", {
      contexts: [{ name: "a", context: { cluster: "c", user: "u", namespace: "west" } }],
      clusters: [{ name: "c", cluster: { server: "https://first:1" } }],
    });
    const second = write("second", {
      ...config({ token: "t2" }, { server: "https://second:2" }),
      "current-context": "b",
      contexts: [
        { name: "a", context: { cluster: "x" } },
        { name: "b", context: { cluster: "c", user: "u" } },
      ],
    });
    const env = { KUBECONFIG: `${join(folder, "missing")}:${first}::${second}:${first}` };
    expect(loadKubeconfig({ env, context: "a" })).toMatchObject({
      server: "https://first:1",
      namespace: "west",
      context: "a",
    });
    const current = loadKubeconfig({ env });
    expect(current).toMatchObject({ origin: 'context "b"', server: "https://first:1", namespace: "default" });
    expect(current.authorization?.()).toBe("Bearer t2");
    expect(kubeconfigContexts({ env })).toEqual(["a", "b"]);
  });

  test("without KUBECONFIG it is the file in the home folder, and an unknown context lists the known", () => {
    mkdirSync(join(folder, ".kube"), { recursive: true });
    write(".kube/config", config({ token: "home" }));
    const env = { HOME: folder };
    expect(loadKubeconfig({ env }).authorization?.()).toBe("Bearer home");
    expect(() => loadKubeconfig({ env, context: "nope" })).toThrow(
      /Context "nope" is not in the kubeconfig .*contexts are: "a"/,
    );
    expect(() => loadKubeconfig({ env: { HOME: "/nonexistent" } })).toThrow("No kubeconfig found");
  });

  test("a file that is no kubeconfig is named with the reason", () => {
    expect(() => loadKubeconfig({ path: write("bad", "a: [") })).toThrow(
      /Cannot use kubeconfig ".*bad": it is not YAML/,
    );
    expect(() => loadKubeconfig({ path: write("bad2", "- 1") })).toThrow("expected a mapping");
    expect(() => loadKubeconfig({ path: write("bad3", { contexts: [{}] }) })).toThrow(
      "a context has no name",
    );
    expect(() => loadKubeconfig({ path: write("bad4", {}) })).toThrow("names no current context");
    const dangling = { ...config({}), clusters: [] };
    expect(() => loadKubeconfig({ path: write("bad5", dangling) })).toThrow(
      'names cluster "c", which is not there',
    );
    expect(() => loadKubeconfig({ path: write("bad6", config({}, { server: "ftp://x" })) })).toThrow(
      "is not an https URL",
    );
  });
});

describe("credentials", () => {
  test("data wins over files, and files are relative to the kubeconfig that names them", () => {
    write("ca.pem", "CA FILE");
    write("key.pem", "KEY FILE");
    const user = {
      "client-certificate-data": base64("CERT"),
      "client-certificate": "none.pem",
      "client-key": "key.pem",
    };
    const path = write(
      "certs",
      config(user, { "certificate-authority": "ca.pem", "tls-server-name": "api" }),
    );
    expect(loadKubeconfig({ path }).tls).toEqual({
      ca: "CA FILE",
      cert: "CERT",
      key: "KEY FILE",
      serverName: "api",
    });
    const half = write("half", config({ "client-key": "key.pem" }));
    expect(() => loadKubeconfig({ path: half })).toThrow("only one of client-certificate and client-key");
  });

  test("insecure-skip-tls-verify is honoured, but not together with an authority", () => {
    const insecure = { "insecure-skip-tls-verify": true };
    expect(loadKubeconfig({ path: write("i", config({}, insecure)) }).tls).toEqual({ insecure: true });
    const both = { ...insecure, "certificate-authority-data": base64("CA") };
    expect(() => loadKubeconfig({ path: write("i2", config({}, both)) })).toThrow("has both");
  });

  test("a token file is read again when it was replaced, and wins over the inline token", () => {
    const path = write("tf", config({ tokenFile: "tok", token: "inline" }));
    const { authorization } = loadKubeconfig({ path });
    expect(authorization?.()).toBe("Bearer inline");
    write("tok", "one\n");
    expect(authorization?.()).toBe("Bearer one");
    renameSync(write("tok.new", "two\n"), join(folder, "tok"));
    expect(authorization?.()).toBe("Bearer two");
    unlinkSync(join(folder, "tok"));
    expect(authorization?.()).toBe("Bearer two");
  });

  test("logins that start programs or act as others are refused, naming the context", () => {
    for (const field of ["exec", "auth-provider", "as"]) {
      const path = write("x", config({ [field]: { command: "touch", args: [join(folder, "pwned")] } }));
      expect(() => loadKubeconfig({ path })).toThrow(
        `Context "a" logs in with "${field}" of user "u", which is not supported yet`,
      );
    }
  });
});

test("a pod uses its service account, whose token rotates by a symbolic link", () => {
  const account = join(folder, "account");
  mkdirSync(join(account, "v1"), { recursive: true });
  mkdirSync(join(account, "v2"));
  writeFileSync(join(account, "v1", "token"), "one");
  writeFileSync(join(account, "v2", "token"), "two");
  writeFileSync(join(account, "ca.crt"), "CA");
  symlinkSync("v1", join(account, "data"));
  symlinkSync(join("data", "token"), join(account, "token"));
  const env = {
    KUBERNETES_SERVICE_HOST: "127.1.0.1",
    KUBERNETES_SERVICE_PORT: "6443",
    ISTHMUS_SERVICEACCOUNT_DIR: account,
  };
  expect(() => inCluster(env)).toThrow("does not run in a pod");
  writeFileSync(join(account, "namespace"), "west\n");
  const connection = inCluster(env);
  expect(connection).toMatchObject({
    server: "https://127.1.0.1:6443",
    namespace: "west",
    tls: { ca: "CA" },
  });
  expect(connection.authorization?.()).toBe("Bearer one");
  symlinkSync("v2", join(account, "next"));
  renameSync(join(account, "next"), join(account, "data"));
  expect(connection.authorization?.()).toBe("Bearer two");
  expect(() => inCluster({})).toThrow("KUBERNETES_SERVICE_HOST");
});
