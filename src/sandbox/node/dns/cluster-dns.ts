import { existsSync, readFileSync } from "node:fs";
import { messageOf } from "#core/errors.ts";
import {
  CLASSIC_UDP_BYTES,
  EDNS_UDP_BYTES,
  FLAG,
  HEADER_BYTES,
  MAX_TCP_BYTES,
  RCODE,
  type Rcode,
} from "#dns/constants.ts";
import { labelsOf, lower } from "#dns/name.ts";
import { Query } from "#dns/query.ts";
import { Responder } from "#dns/responder.ts";
import { Zone } from "#dns/zone.ts";
import type { ControllerContext } from "../controllers/context.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { keyOf, splitKey } from "../store.ts";
import { type ForwardRule, parseCorefile, type Upstream } from "./corefile.ts";
import { DnsListener } from "./dns-listener.ts";
import { DEFAULT_COREFILE, DNS_NAMESPACE, publishDns, COREFILE_NAME } from "./dns-objects.ts";
import { aliasAnswer, questionAbout, TYPE_CNAME } from "./external-name.ts";
import { QueryForwarder } from "./query-forwarder.ts";
import { serviceRecords } from "./service-records.ts";

const ZONE = "cluster.local";
const ORIGIN = labelsOf(ZONE);
/** As CoreDNS, s. */
const TTL = 5;
const DNS_VERSION = "1.1.0";
const DNS_PORT = 53;
const LISTEN_RETRY_MS = 5000;
/** Names that stand for others, one after the other, before it is a circle. */
const MAX_ALIASES = 4;
/** How long the machine's own list of resolvers is kept. */
const RESOLVERS_MS = 5000;
const MAX_RESOLVERS = 3;
const SERVICE_NAME = "kubernetes.io/service-name";
/** Recursion is available; in the second byte of the flags. */
const RA = 0x80;
/** The answer was cut short; in the first byte of the flags. */
const TC = FLAG.TC >> 8;

export interface ClusterDnsOptions {
  /** The address that the Service `kube-dns` should have. */
  readonly address: string;
  /** 0 in tests: any that is free. [53] */
  readonly port?: number;
}

/**
 * The DNS of a cluster, on the address of the Service kube-system/kube-dns: `cluster.local` from Services and EndpointSlices, the
 * zones of the Corefile in ConfigMap kube-system/coredns from whom it names, all else from the machine's own resolvers. Where port 53
 * cannot be had the Service gets an event, and pods keep the machine's resolv.conf.
 */
export class ClusterDns {
  readonly zone: Zone;
  readonly forwarder: QueryForwarder;
  readonly #context: ControllerContext;
  readonly #responder: Responder;
  readonly #query = new Query();
  readonly #queue: KeyedQueue;
  readonly #address: string;
  readonly #port: number;
  /** ExternalName Services: full name -> target. */
  readonly #aliases = new Map<string, string>();
  #rules: readonly ForwardRule[] = [];
  #resolvers: { readonly file: string; readonly atMs: number; readonly list: readonly Upstream[] }[] = [];
  #listener: DnsListener | undefined;
  #complained = false;
  #cancelRetry: () => void = () => undefined;
  #stopped = false;

  constructor(context: ControllerContext, options: ClusterDnsOptions) {
    this.#context = context;
    this.#port = options.port ?? DNS_PORT;
    const { stores, clock } = context;
    this.zone = new Zone({ origin: ZONE, ttl: TTL, now: () => clock.now() });
    this.#responder = new Responder({ zone: this.zone });
    this.forwarder = new QueryForwarder(clock);
    this.#address = publishDns(stores, options.address);
    this.zone.set("dns-version", [{ labels: ["dns-version"], data: { type: "TXT", texts: [DNS_VERSION] } }]);
    this.#queue = new KeyedQueue({ name: "dns", clock, handle: (key) => this.#reconcile(key) });
    stores.services.onChange((_type, service) => this.#queue.add(keyOf(service)));
    stores.slices.onChange((_type, slice) => {
      const name = slice.metadata.labels?.[SERVICE_NAME];
      if (name !== undefined) this.#queue.add(`${slice.metadata.namespace ?? ""}/${name}`);
    });
    stores.configMaps.onChange((type, config) => {
      const { name, namespace } = config.metadata;
      if (namespace === DNS_NAMESPACE && name === COREFILE_NAME)
        this.#configure(type === "DELETED" ? undefined : config.data?.["Corefile"]);
    });
    this.#listen();
  }

  /** What pods have in their resolv.conf; undefined while nobody listens there. */
  get nameserver(): string | undefined {
    return this.#listener === undefined ? undefined : this.#address;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry();
    this.#queue.stop();
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Answers a query of any zone. Never rejects. */
  answer(
    query: Uint8Array,
    transport: "udp" | "tcp",
    aliases = 0,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const read = this.#query;
    const known = read.read(query, query.length) && read.problem === RCODE.NOERROR;
    const rule = known ? this.#ruleFor(query, read.nameEnd) : undefined;
    // Malformed ones too: the responder says what is wrong with them.
    const payload = read.edns ? Math.min(read.payloadBytes, EDNS_UDP_BYTES) : CLASSIC_UDP_BYTES;
    const maxBytes = transport === "tcp" ? MAX_TCP_BYTES : Math.max(payload, CLASSIC_UDP_BYTES);
    if (rule === undefined) {
      const target =
        known && this.#aliases.size > 0 ? this.#aliases.get(nameOf(query, read.nameEnd)) : undefined;
      if (target === undefined) return this.#own(query, { transport, maxBytes });
      return this.#alias(query, { target, transport, nameEnd: read.nameEnd, aliases });
    }
    const upstreams = "file" in rule.to ? this.#resolversOf(rule.to.file) : rule.to.upstreams;
    const { nameEnd } = read;
    if (upstreams.length === 0) return emptyAnswer(query, { nameEnd, rcode: RCODE.REFUSED });
    return this.forwarder
      .ask(query, { upstreams, nameEnd, maxBytes, transport })
      .then((answer) => answer ?? emptyAnswer(query, { nameEnd, rcode: RCODE.SERVFAIL }));
  }

  async #alias(
    query: Uint8Array,
    asked: { target: string; transport: "udp" | "tcp"; nameEnd: number; aliases: number },
  ): Promise<Uint8Array> {
    const { target, transport, nameEnd, aliases } = asked;
    const kept = Uint8Array.from(query);
    if (aliases >= MAX_ALIASES) return emptyAnswer(kept, { nameEnd, rcode: RCODE.SERVFAIL });
    const type = ((kept[nameEnd] ?? 0) << 8) | (kept[nameEnd + 1] ?? 0);
    const found =
      type === TYPE_CNAME
        ? undefined
        : await this.answer(questionAbout(target, { query: kept, nameEnd }), transport, aliases + 1);
    return aliasAnswer(target, { query: kept, nameEnd, found });
  }

  /** The responder keeps answers over UDP short for the sake of strangers; here are none, so a client gets what it has room for. */
  #own(
    query: Uint8Array,
    { transport, maxBytes }: { transport: "udp" | "tcp"; maxBytes: number },
  ): Uint8Array | undefined {
    const length = this.#responder.respond(query, query.length, transport);
    if (length === 0) return undefined;
    const answer = this.#responder.out.slice(0, length);
    answer[3] = (answer[3] ?? 0) | RA;
    if (((answer[2] ?? 0) & TC) === 0 || transport === "tcp") return answer;
    const whole = this.#own(query, { transport: "tcp", maxBytes });
    return whole !== undefined && whole.length <= maxBytes ? whole : answer;
  }

  /** The rule of the longest zone that the name is in; undefined: it is the cluster's own. */
  #ruleFor(query: Uint8Array, nameEnd: number): ForwardRule | undefined {
    const name = nameOf(query, nameEnd);
    const isIn = (zone: string): boolean => zone === "" || name === zone || name.endsWith(`.${zone}`);
    let best: ForwardRule | undefined;
    for (const rule of this.#rules)
      if (isIn(rule.zone) && rule.zone.length >= (best?.zone.length ?? 0)) best = rule;
    if (isIn(ZONE) && (best === undefined || best.zone.length < ZONE.length)) return undefined;
    return best ?? { zone: "", to: { upstreams: [] } };
  }

  #reconcile(key: string): void {
    const { namespace, name } = splitKey(key);
    const { stores } = this.#context;
    const service = stores.services.get(namespace, name);
    const full = `${name}.${namespace}.svc.${ZONE}`.toLowerCase();
    this.#aliases.delete(full);
    if (service === undefined) {
      this.zone.remove(key);
      return;
    }
    const { type, externalName = "" } = service.spec;
    if (type === "ExternalName" && externalName !== "") this.#aliases.set(full, externalName);
    const slices = stores.slices
      .list(namespace)
      .filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === name);
    this.zone.set(key, serviceRecords({ service, slices, origin: ORIGIN }));
  }

  /** A Corefile that cannot be read changes nothing, as in CoreDNS. */
  #configure(corefile = DEFAULT_COREFILE): void {
    try {
      this.#rules = parseCorefile(corefile);
    } catch (error) {
      const config = this.#context.stores.configMaps.get(DNS_NAMESPACE, COREFILE_NAME);
      const message = `Corefile not followed, the one before stays: ${messageOf(error)}`;
      if (config !== undefined)
        this.#context.events.record(config, { type: "Warning", reason: "InvalidCorefile", message });
    }
  }

  #resolversOf(file: string): readonly Upstream[] {
    const now = this.#context.clock.monotonicMs();
    const known = this.#resolvers.find((each) => each.file === file);
    if (known !== undefined && now - known.atMs < RESOLVERS_MS) return known.list;
    const list = nameservers(file).filter((host) => host !== this.#address);
    const upstreams = list.slice(0, MAX_RESOLVERS).map((host) => ({ host, port: DNS_PORT }));
    this.#resolvers = [
      ...this.#resolvers.filter((each) => each.file !== file),
      { file, atMs: now, list: upstreams },
    ];
    return upstreams;
  }

  #listen(): void {
    if (this.#stopped) return;
    try {
      const listener = new DnsListener({
        hostname: this.#address,
        port: this.#port,
        answer: (query, transport) => this.answer(query, transport),
      });
      this.#listener = listener;
      listener.listenUdp().catch((error: unknown) => {
        listener.close();
        this.#failed(error);
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#listener = undefined;
    if (this.#stopped) return;
    this.#cancelRetry = this.#context.clock.after(LISTEN_RETRY_MS, () => this.#listen());
    if (this.#complained) return;
    this.#complained = true;
    const code = (error as { code?: string }).code;
    const why =
      code === "EACCES"
        ? "ports below 1024 need root here"
        : code === "EADDRINUSE"
          ? "something else listens on that port on all addresses"
          : messageOf(error);
    const service = this.#context.stores.services.get(DNS_NAMESPACE, "kube-dns");
    const message = `Cannot listen on ${this.#address}:${this.#port}: ${why}; pods keep this machine's resolv.conf`;
    if (service !== undefined)
      this.#context.events.record(service, { type: "Warning", reason: "ListenFailed", message });
  }
}

/** In lower case, without a dot at its end. */
function nameOf(query: Uint8Array, nameEnd: number): string {
  let name = "";
  for (let at = HEADER_BYTES; at < nameEnd - 1;) {
    const length = query[at] ?? 0;
    if (name !== "") name += ".";
    for (let n = at + 1; n <= at + length; n++) name += String.fromCharCode(lower(query[n] ?? 0));
    at += 1 + length;
  }
  return name;
}

/** Header and question back, and nothing else. */
function emptyAnswer(query: Uint8Array, { nameEnd, rcode }: { nameEnd: number; rcode: Rcode }): Uint8Array {
  const answer = query.slice(0, nameEnd + 4);
  answer[2] = ((query[2] ?? 0) & 0x01) | (FLAG.QR >> 8);
  answer[3] = RA | rcode;
  answer.set([0, 1, 0, 0, 0, 0, 0, 0], 4);
  return answer;
}

/** Of a resolv.conf; none when it is not there. */
export function nameservers(file: string): string[] {
  if (!existsSync(file)) return [];
  return [...readFileSync(file, "utf8").matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, host = ""]) => host);
}
