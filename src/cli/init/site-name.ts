/** What tools put in front of the cluster's name in a context. */
const PREFIX = /^(sandbox|kind|k3d)-/;
const MAX_LENGTH = 63;

/** A name for the site from the context: `kind-c1` gives `c1`, an ARN or a URL its last part; `site` when nothing is left. */
export function siteNameFrom(context: string | undefined): string {
  const last = (context ?? "").replace(PREFIX, "").split(/[/@]/).at(-1) ?? "";
  const name = last
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, MAX_LENGTH)
    .replace(/^-+|-+$/g, "");
  return name === "" ? "site" : name;
}
