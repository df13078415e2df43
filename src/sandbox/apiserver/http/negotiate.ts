import { ApiError } from "../cluster-api.ts";

/** The forms an answer can have. */
export type Representation = "json" | "yaml" | "table" | "metadata";

interface MediaType {
  type: string;
  parameters: Record<string, string>;
}

export function parseAccept(header: string): MediaType[] {
  return header
    .split(",")
    .map((part) => {
      const [type = "", ...rest] = part.split(";").map((piece) => piece.trim());
      const parameters = Object.fromEntries(
        rest.map((piece) => piece.split("=", 2)).map(([k = "", v = ""]) => [k, v]),
      );
      return { type: type.toLowerCase(), parameters };
    })
    .filter((media) => media.type !== "");
}

/** The first form of the Accept header that the server knows (RFC 9110 section 12.5.1, without weights); 406 when none. */
export function representationFor(header: string | null): Representation {
  if (header === null || header.trim() === "") return "json";
  for (const { type, parameters } of parseAccept(header)) {
    if (type === "application/json") {
      const as = parameters["as"];
      if (as === undefined) return "json";
      if (as === "Table" && parameters["v"] === "v1") return "table";
      if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
    } else if (type === "*/*" || type === "application/*" || type === "text/*") return "json";
    else if (type === "application/yaml") return "yaml";
  }
  throw new ApiError(
    406,
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml",
  );
}
