import type { Clock } from "#core/clock.ts";
import type { ClusterApi, NodeApi, UserInfo } from "../cluster-api.ts";
import type { Objects } from "../objects/objects.ts";
import type { ResourceRegistry } from "../resources.ts";
import type { Definitions } from "../schema/schema.ts";
import type { Tokens } from "./tokens.ts";

/** What every handler works with. */
export interface ServerContext {
  readonly objects: Objects;
  readonly registry: ResourceRegistry;
  readonly definitions: Definitions;
  readonly clock: Clock;
  readonly node: NodeApi;
  readonly api: ClusterApi;
  readonly tokens: Tokens;
  /** Ends every open watch; the server calls them all when it closes. */
  readonly openStreams: Set<() => void>;
  /** Commands in pods that run now. */
  readonly execs: Set<unknown>;
}

/** What becomes of a connection that is upgraded to WebSocket. */
export interface SocketSession {
  open(socket: Bun.ServerWebSocket<SocketSession>): void;
  message(bytes: Uint8Array): void;
  /** What was sent has left. */
  drain(): void;
  close(): void;
}

/** What a handler may do with the connection of its request. */
export interface ClientConnection {
  /** Seconds after which it is cut when idle; 0 = never. */
  setIdle(seconds: number): void;
  /** Answers with 101; false when the request does not ask for a WebSocket. */
  upgrade(session: SocketSession, protocol: string): boolean;
}

/** One authenticated request. */
export interface Call {
  readonly request: Request;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** Lets a long answer outlive the idle timeout of the server. */
  keepOpen(): void;
  /** Cuts the connection when nothing moves on it for this long. */
  limitIdle(seconds: number): void;
  upgrade: ClientConnection["upgrade"];
}
