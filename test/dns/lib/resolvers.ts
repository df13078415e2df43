import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TYPE } from "#dns/constants.ts";
import { ask } from "#dns/testing/client.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";

const ZONE = "clusterset.local";
const SBIN = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };
const PATIENCE_MS = 15_000;

interface Place {
  /** A directory of its own. */
  readonly dir: string;
  /** Where it is to answer, on 127.0.0.1. */
  readonly port: number;
  /** Where the zone is answered. */
  readonly upstream: number;
}

interface Kind {
  readonly name: string;
  readonly program: string;
  /** Writes what it needs and gives its arguments. */
  prepare(place: Place): readonly string[];
}

/** Resolvers as clusters have them in front of an authority, each with one forwarded zone and nothing else. */
const KINDS: readonly Kind[] = [
  {
    name: "BIND",
    program: "named",
    prepare({ dir, port, upstream }) {
      writeFileSync(
        join(dir, "named.conf"),
        `options {
  directory "${dir}"; pid-file none; session-keyfile none; managed-keys-directory "${dir}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-recursion { any; }; dnssec-validation no; notify no;
};
controls { };
zone "${ZONE}" { type forward; forward only; forwarders { 127.0.0.1 port ${upstream}; }; };
`,
      );
      return ["-f", "-n", "1", "-c", join(dir, "named.conf")];
    },
  },
  {
    name: "Unbound",
    program: "unbound",
    prepare({ dir, port, upstream }) {
      writeFileSync(
        join(dir, "unbound.conf"),
        `server:
  interface: 127.0.0.1@${port}
  directory: "${dir}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
remote-control:
  control-enable: no
stub-zone:
  name: "${ZONE}"
  stub-addr: 127.0.0.1@${upstream}
`,
      );
      return ["-d", "-c", join(dir, "unbound.conf")];
    },
  },
  {
    name: "dnsmasq",
    program: "dnsmasq",
    prepare: ({ port, upstream }) =>
      `-k --conf-file=/dev/null --pid-file= --no-resolv --no-hosts --user=root --log-facility=- --bind-interfaces
      --listen-address=127.0.0.1 --port=${port} --server=/${ZONE}/127.0.0.1#${upstream}`.split(/\s+/),
  },
  {
    name: "Knot Resolver",
    program: "kresd",
    prepare({ dir, port, upstream }) {
      writeFileSync(
        join(dir, "kresd.conf"),
        `net.ipv6 = false
net.listen('127.0.0.1', ${port}, { kind = 'dns' })
trust_anchors.remove('.')
cache.open(10 * MB, 'lmdb://${dir}')
-- At least so long, to the next second of the clock: 5 s otherwise. With 0 it asks again with each second, whatever the TTL.
cache.min_ttl(2)
policy.add(policy.suffix(policy.STUB('127.0.0.1@${upstream}'), { todname('${ZONE}') }))
`,
      );
      return ["-n", "-c", join(dir, "kresd.conf"), dir];
    },
  },
  {
    name: "PowerDNS Recursor",
    program: "pdns_recursor",
    prepare: ({ dir, port, upstream }) =>
      `--config-dir=${dir} --socket-dir=${dir} --daemon=no --disable-syslog=yes --threads=1 --dnssec=off
      --security-poll-suffix= --dont-query= --local-address=127.0.0.1 --local-port=${port}
      --forward-zones=${ZONE}=127.0.0.1:${upstream}`.split(/\s+/),
  },
];

export interface Resolver extends AsyncDisposable {
  readonly port: number;
}

/** Those that are installed, by name; starts one in front of a server on 127.0.0.1. */
export const RESOLVERS: readonly {
  readonly name: string;
  start(upstream: number): Promise<Resolver>;
}[] = KINDS.flatMap((kind) => {
  const path = Bun.which(kind.program, SBIN);
  if (path !== null)
    return [{ name: kind.name, start: (upstream: number) => start(kind, { path, upstream }) }];
  console.log(`notice: ${kind.name} (${kind.program}) is not installed, its checks are skipped`);
  return [];
});

async function start(
  kind: Kind,
  { path, upstream }: { readonly path: string; readonly upstream: number },
): Promise<Resolver> {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-resolver-"));
  mkdirSync(join(dir, "own"));
  const log = join(dir, "log");
  const port = freePort();
  const words = kind.prepare({ dir: join(dir, "own"), port, upstream });
  const child = Bun.spawn([path, ...words], {
    cwd: dir,
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  });
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    await child.exited;
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await untilAnswers(port, () => child.exitCode !== null);
  } catch (cause) {
    const said = await Bun.file(log).text();
    await end();
    throw new Error(`${kind.name} does not answer:\n${said}`, { cause });
  }
  return { port, [Symbol.asyncDispose]: end };
}

/** None of them listens on port 0. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

async function untilAnswers(port: number, ended: () => boolean): Promise<void> {
  using client = await UdpClient.open(port);
  const query = ask({ name: `ready.${ZONE}`, type: TYPE.A });
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs && !ended();) {
    client.send(query);
    if (await client.has(1, 100)) return;
  }
  throw new Error(ended() ? "It ended" : `No answer within ${PATIENCE_MS} ms`);
}
