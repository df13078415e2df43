import type { CustomResourceDefinition } from "#api/crd.ts";
import { crds } from "#api/registry.ts";
import { RESOURCES } from "#api/resources.ts";
import { equals } from "#controller/compare.ts";
import { IsthmusError } from "#core/errors.ts";
import { type Category, type Check, failed, ok, type Verdict, warning } from "./check.ts";
import type { Facts } from "./facts.ts";

/** The first whose API servers judge the rules of our kinds (CEL in CustomResourceDefinitions). */
const OLDEST_MINOR = 25;

const answers: Check = {
  name: "API server answers",
  fatal: true,
  async run({ client, signal }) {
    const { gitVersion, major, minor } = await client.version({ signal });
    const number = Number.parseInt(minor, 10);
    if (major === "1" && number < OLDEST_MINOR)
      return failed(`It is ${gitVersion}; 1.${OLDEST_MINOR} is the oldest that works`);
    return ok(gitVersion);
  },
};

const namespaceIsThere: Check = {
  name: "namespace is there",
  fatal: true,
  async run({ client, namespace, kubectl, signal }) {
    try {
      const found = await client.find(RESOURCES.namespaces, { name: namespace, signal });
      if (found === undefined)
        return failed(`There is no namespace "${namespace}"`, kubectl(`create namespace ${namespace}`));
      return found.status?.phase === "Terminating"
        ? failed(`Namespace "${namespace}" is being deleted`)
        : ok(namespace);
    } catch (error) {
      // Who may only use the namespace need not be allowed to look at it.
      if (error instanceof IsthmusError && error.code === "DENIED") return ok(`${namespace} (not looked at)`);
      throw error;
    }
  },
};

export const kubernetes: Category = { category: "Kubernetes", checks: [answers, namespaceIsThere] };

/** How the kinds of the program are installed; `absent` says what to make of those that are not there. */
export async function kindsVerdict(
  facts: Facts,
  absent: (names: readonly string[]) => Verdict | Promise<Verdict>,
): Promise<Verdict> {
  const wanted = crds();
  const found = await Promise.all(
    wanted.map(({ metadata }) => facts.find(RESOURCES.customResourceDefinitions, metadata.name)),
  );
  const missing = wanted.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) return await absent(missing.map(({ metadata }) => metadata.name));
  const other = wanted.filter((crd, index) => !sameSchemas(crd, found[index]));
  const [first] = other;
  if (first === undefined) return ok(`${wanted.length}, as this program has them`);
  const more = other.length > 1 ? ` and ${other.length - 1} more` : "";
  return warning(
    `Not as this program has them, so of another version: ${first.metadata.name}${more}`,
    `To bring site and kinds up to date: ${facts.command("init")}`,
  );
}

/** Each of our versions is served, with the schema that it has here. */
function sameSchemas(wanted: CustomResourceDefinition, live: CustomResourceDefinition | undefined): boolean {
  return wanted.spec.versions.every((version) => {
    const served = live?.spec.versions.find(({ name }) => name === version.name);
    return served?.served === true && equals(served.schema, version.schema);
  });
}
