import { BlockList, isIP } from "node:net";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { Attempts } from "./attempts.ts";
import { Password } from "./password.ts";
import type { Refusal } from "./refusal.ts";
import { type Session, Sessions } from "./sessions.ts";

/** How the console knows who may look. */
export type Auth =
  /** Whoever reaches it: on loopback only. */
  | { readonly mode: "none" }
  | { readonly mode: "password"; readonly password: string }
  /** A reverse proxy names the user in a header; believed from these addresses and blocks only. */
  | { readonly mode: "proxy"; readonly header: string; readonly addresses: readonly string[] };

/** Who asks. */
export interface Visitor {
  /** Stands for the browser in tokens; no secret. */
  readonly id: string;
  /** Monotonic ms. */
  readonly endsAtMs: number;
}

export type Verdict = { readonly visitor: Visitor } | { readonly refusal: Refusal };

/** Judges what a request says of who asks, and where it is from. */
export interface Access {
  /** Whether a person can log in by a page. */
  readonly hasLogin: boolean;
  judge(request: Request, address: string): Verdict;
  /** Undefined without a login page. */
  logIn?(password: string, address: string): { readonly token: string } | { readonly refusal: Refusal };
  logOut?(visitor: Visitor): void;
}

const FOR_EVER: Pick<Visitor, "endsAtMs"> = { endsAtMs: Number.POSITIVE_INFINITY };
const MAX_USER_LENGTH = 256;

/** Throws INVALID for an address that is none. `cookie` is the name of the session's. */
export function accessOf(auth: Auth, options: { readonly clock: Clock; readonly cookie: string }): Access {
  if (auth.mode === "password") return new PasswordAccess(auth.password, options);
  if (auth.mode === "proxy") return proxyAccess(auth);
  return { hasLogin: false, judge: () => ({ visitor: { id: "local", ...FOR_EVER } }) };
}

class PasswordAccess implements Access {
  readonly hasLogin = true;
  readonly #password: Password;
  readonly #attempts: Attempts;
  readonly #sessions: Sessions;
  readonly #cookie: string;

  constructor(password: string, { clock, cookie }: { readonly clock: Clock; readonly cookie: string }) {
    this.#password = new Password(password);
    this.#attempts = new Attempts(clock);
    this.#sessions = new Sessions(clock);
    this.#cookie = cookie;
  }

  /** By the session's cookie, or for programs by `Authorization: Bearer <password>`, which no browser sends by itself. */
  judge({ headers }: Request, address: string): Verdict {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    if (bearer !== undefined) {
      const refusal = this.#try(bearer, address);
      return refusal === undefined ? { visitor: { id: "bearer", ...FOR_EVER } } : { refusal };
    }
    const token = cookieOf(headers.get("cookie"), this.#cookie);
    const session: Session | undefined = token === undefined ? undefined : this.#sessions.find(token);
    return session === undefined ? { refusal: notLoggedIn() } : { visitor: session };
  }

  logIn(password: string, address: string): { token: string } | { refusal: Refusal } {
    const refusal = this.#try(password, address);
    return refusal === undefined ? { token: this.#sessions.open().token } : { refusal };
  }

  logOut({ id }: Visitor): void {
    this.#sessions.close(id);
  }

  #try(password: string, address: string): Refusal | undefined {
    const seconds = this.#attempts.waitSeconds(address);
    if (seconds > 0) return tooMany(seconds);
    if (this.#password.is(password)) return undefined;
    this.#attempts.failed(address);
    return { ...notLoggedIn(), message: "That is not the password" };
  }
}

function proxyAccess({ header, addresses }: Extract<Auth, { mode: "proxy" }>): Access {
  const believed = blockList(addresses);
  return {
    hasLogin: false,
    judge({ headers }, address) {
      const version = isIP(address);
      if (version === 0 || !believed.check(address, version === 6 ? "ipv6" : "ipv4")) {
        return { refusal: fromProxy("The console is reached through its proxy only") };
      }
      const user = headers.get(header) ?? "";
      if (user.trim() === "" || user.length > MAX_USER_LENGTH)
        return { refusal: fromProxy(`The proxy does not say who asks: expected the header ${header}`) };
      return { visitor: { id: `proxy:${user}`, ...FOR_EVER } };
    },
  };
}

function blockList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of addresses) {
    const [address = "", bits] = text.split("/");
    const version = isIP(address);
    const size = version === 6 ? 128 : 32;
    const prefix = bits === undefined ? size : Number(bits);
    if (version === 0 || !/^\d{1,3}$/.test(bits ?? "0") || prefix > size) {
      throw new IsthmusError(
        "INVALID",
        `"${text}" is no address of a proxy: expected an IP address or a block`,
        {
          hint: "10.1.2.3, 10.1.2.0/24 or fd00::/8",
        },
      );
    }
    list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** The value of one cookie; undefined when there is none, or several. */
function cookieOf(header: string | null, name: string): string | undefined {
  const values = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

function notLoggedIn(): Refusal {
  return {
    reason: "login",
    status: 401,
    code: "DENIED",
    message: "Not logged in",
    hint: "Log in at /login, or send Authorization: Bearer PASSWORD",
  };
}

function tooMany(seconds: number): Refusal {
  return {
    reason: "attempts",
    status: 429,
    code: "DENIED",
    message: `Too many wrong passwords: try again in ${seconds} s`,
    headers: { "retry-after": String(seconds) },
  };
}

function fromProxy(message: string): Refusal {
  return { reason: "proxy", status: 403, code: "DENIED", message };
}
