import { ApiError } from "../cluster-api.ts";
import { badRequest } from "../errors.ts";
import type { JsonObject } from "../schema/schema.ts";
import { MESSAGES } from "./protobuf-messages.ts";

/**
 * Reads what kubectl sends as `application/vnd.kubernetes.protobuf`: the envelope "k8s\0" and runtime.Unknown, then
 * the object by the field numbers of `protobuf-messages.ts`. Nothing is dropped: a kind or field that is not in that
 * table is refused with 415, so that the caller may send JSON. Answers are always JSON.
 */
export class ProtobufReader {
  readonly #messages = new Map<string, Map<number, Field>>();

  constructor() {
    for (const line of MESSAGES.trim().split("\n")) {
      const [name = "", ...fields] = line.split(" ");
      this.#messages.set(name, new Map(fields.map(fieldOf)));
    }
  }

  read(bytes: Uint8Array): JsonObject {
    if (bytes[0] !== 0x6b || bytes[1] !== 0x38 || bytes[2] !== 0x73 || bytes[3] !== 0) {
      throw badRequest("The body is not a Kubernetes protobuf object: expected the prefix k8s\\0");
    }
    let apiVersion = "";
    let kind = "";
    let raw: Uint8Array = new Uint8Array();
    for (const { number, value } of wireFields(bytes.subarray(4))) {
      if (number === 1) {
        for (const part of wireFields(bytesOf(value))) {
          if (part.number === 1) apiVersion = textOf(part.value);
          if (part.number === 2) kind = textOf(part.value);
        }
      } else if (number === 2) raw = bytesOf(value);
    }
    return { apiVersion, kind, ...this.#message(kind, raw) };
  }

  #message(name: string, bytes: Uint8Array): JsonObject {
    const fields = this.#messages.get(name);
    if (fields === undefined) throw unsupported(`messages of kind ${name}`);
    const result: JsonObject = {};
    for (const { number, value } of wireFields(bytes)) {
      const field = fields.get(number);
      if (field === undefined) throw unsupported(`field ${number} of ${name}`);
      if (field.form === "*") {
        const list = (result[field.name] ??= []) as unknown[];
        list.push(this.#value(field.type, value));
      } else if (field.form === "%") {
        const map = (result[field.name] ??= {}) as JsonObject;
        const [key, item] = this.#entry(field.type, bytesOf(value));
        map[key] = item;
      } else {
        const read = this.#value(field.type, value);
        // Go writes the zeros of plain fields too; in JSON they are left out.
        const isZero = read === undefined || read === "" || read === 0 || read === false;
        if (!isZero || field.pointer) result[field.name] = read;
      }
    }
    return result;
  }

  #entry(type: string, bytes: Uint8Array): [string, unknown] {
    let key = "";
    let item: unknown = "";
    for (const { number, value } of wireFields(bytes)) {
      if (number === 1) key = textOf(value);
      else if (number === 2) item = this.#value(type, value);
    }
    return [key, item];
  }

  #value(type: string, value: WireValue): unknown {
    switch (type) {
      case "s":
        return textOf(value);
      case "b":
        return Buffer.from(bytesOf(value)).toString("base64");
      case "i":
        return Number(BigInt.asIntN(64, integerOf(value)));
      case "B":
        return integerOf(value) !== 0n;
      case "Time":
        return timeOf(bytesOf(value));
      case "IntOrString":
        return intOrString(bytesOf(value));
      case "Quantity": {
        const [text] = wireFields(bytesOf(value));
        return text === undefined ? "0" : textOf(text.value);
      }
      default:
        return this.#message(type, bytesOf(value));
    }
  }
}

interface Field {
  name: string;
  type: string;
  form: "" | "*" | "%";
  /** Its zero is a value, not absence. */
  pointer: boolean;
}

function fieldOf(text: string): [number, Field] {
  const [number = "", name = "", type = ""] = text.split(":");
  const form = type.startsWith("*") ? "*" : type.startsWith("%") ? "%" : "";
  const bare = form === "" ? type.replace("?", "") : type.slice(1);
  return [Number(number), { name, type: bare, form, pointer: type.endsWith("?") }];
}

type WireValue = bigint | Uint8Array;

interface WireField {
  number: number;
  value: WireValue;
}

const truncated = (): ApiError => badRequest("The protobuf body ends in the middle of a field");

/** Splits a message into its fields (protobuf encoding: varint and length-delimited only; Kubernetes uses no others here). */
function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw truncated();
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw badRequest("The protobuf body has a number that is too long");
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if ((tag & 7) === 0) yield { number, value: varint() };
    else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw truncated();
      yield { number, value: bytes.subarray(at, at + length) };
      at += length;
    } else throw unsupported(`wire type ${tag & 7}`);
  }
}

function bytesOf(value: WireValue): Uint8Array {
  if (typeof value === "bigint")
    throw badRequest("The protobuf body has a number where a message is expected");
  return value;
}

function integerOf(value: WireValue): bigint {
  if (typeof value !== "bigint")
    throw badRequest("The protobuf body has a message where a number is expected");
  return value;
}

const textOf = (value: WireValue): string => new TextDecoder().decode(bytesOf(value));

function timeOf(bytes: Uint8Array): string | undefined {
  for (const { number, value } of wireFields(bytes)) {
    if (number === 1) return `${new Date(Number(integerOf(value)) * 1000).toISOString().slice(0, 19)}Z`;
  }
  return undefined;
}

function intOrString(bytes: Uint8Array): number | string | undefined {
  let isText = false;
  let integer = 0;
  let text = "";
  for (const { number, value } of wireFields(bytes)) {
    if (number === 1) isText = integerOf(value) === 1n;
    else if (number === 2) integer = Number(BigInt.asIntN(64, integerOf(value)));
    else if (number === 3) text = textOf(value);
  }
  if (isText) return text;
  return integer === 0 ? undefined : integer;
}

function unsupported(what: string): ApiError {
  const message = `This server does not read ${what} as protobuf: send application/json`;
  return new ApiError(415, "UnsupportedMediaType", message);
}
