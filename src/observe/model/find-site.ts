import { IsthmusError } from "#core/errors.ts";

/** By id or, when none has that, by name. Throws NOT_FOUND. */
export function findSite<Site extends { readonly id: string; readonly name: string }>(
  sites: Iterable<Site>,
  idOrName: string,
): Site {
  const all = [...sites];
  const site = all.find(({ id }) => id === idOrName) ?? all.find(({ name }) => name === idOrName);
  if (site !== undefined) return site;
  throw new IsthmusError("NOT_FOUND", `There is no site ${idOrName} in the network`, {
    hint: "isthmus network status",
  });
}
