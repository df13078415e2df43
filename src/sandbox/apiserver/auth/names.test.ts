import { expect, test } from "bun:test";
import { JOE, nextEvent, testServer, watchLines } from "../testing.ts";

const RBAC = "rbac.authorization.k8s.io";
const CM = "/api/v1/namespaces/default/configmaps";

test("who may list and watch one name may do so with a selector of exactly that name, and no other way", async () => {
  await using t = await testServer();
  const { api } = t.server;
  for (const name of ["a", "b"]) {
    api.create("configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "default" },
    });
  }
  api.create(`roles.${RBAC}`, {
    apiVersion: `${RBAC}/v1`,
    kind: "Role",
    metadata: { name: "only-a", namespace: "default" },
    rules: [
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: ["a"],
        verbs: ["list", "watch", "delete"],
      },
    ],
  });
  api.create(`rolebindings.${RBAC}`, {
    apiVersion: `${RBAC}/v1`,
    kind: "RoleBinding",
    metadata: { name: "only-a", namespace: "default" },
    roleRef: { apiGroup: RBAC, kind: "Role", name: "only-a" },
    subjects: [{ kind: "User", name: "joe", apiGroup: RBAC }],
  });
  const ask = (query: string, method = "GET"): Promise<Response> =>
    t.fetch(`${CM}?${query}`, { method, token: JOE });
  const status = async (query: string, method?: string): Promise<number> => (await ask(query, method)).status;

  const listed = (await (await ask("fieldSelector=metadata.name%3Da")).json()) as { items: unknown[] };
  expect(listed.items).toHaveLength(1);
  expect(await status("fieldSelector=metadata.name%3D%3Da,metadata.namespace%3Ddefault")).toBe(200);
  const events = watchLines(await ask("watch=1&fieldSelector=metadata.name%3Da"));
  expect((await nextEvent(events)).object.metadata.name).toBe("a");
  await events.return(undefined);

  expect(await status("")).toBe(403);
  expect(await status("watch=1")).toBe(403);
  expect(await status("fieldSelector=metadata.name%3Db")).toBe(403);
  expect(await status("fieldSelector=metadata.name!%3Da")).toBe(403);
  expect(await status("labelSelector=metadata.name%3Da")).toBe(403);
  // A deletion of many has no name, whatever it selects.
  expect(await status("fieldSelector=metadata.name%3Da", "DELETE")).toBe(403);
  expect(await status("fieldSelector=metadata.name", "GET")).toBe(400);
});
