import type { Access, Visitor } from "./access.ts";
import { smallBody } from "./body.ts";
import type { Csrf } from "./csrf.ts";
import { isOwnPage } from "./fetch-site.ts";
import { type Refusal, refusalText } from "./refusal.ts";
import { Sessions } from "./sessions.ts";

const FORM = "application/x-www-form-urlencoded";

export interface LoginOptions {
  readonly access: Access;
  readonly csrf: Csrf;
  readonly cookie: string;
  /** The cookie goes over TLS only. */
  readonly secure: boolean;
  readonly onRefused: (refusal: Refusal) => void;
  readonly onLoggedOut: (visitor: Visitor) => void;
}

/** The pages /login and /logout: plain forms, which need no script. A form cannot send a header, so the browser has to say that it is ours. */
export class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /** Where a person is sent who has not logged in. */
  static redirect(url: URL): Response {
    const next = `${url.pathname}${url.search}`;
    return seeOther(next === "/" ? "/login" : `/login?${new URLSearchParams({ next }).toString()}`);
  }

  async login(request: Request, from: { readonly address: string; readonly url: URL }): Promise<Response> {
    const { access, cookie, secure } = this.#options;
    if (access.logIn === undefined) return seeOther("/");
    if (request.method !== "POST") {
      const next = localPath(from.url.searchParams.get("next"));
      return "visitor" in access.judge(request, from.address) ? seeOther(next) : loginPage({ next });
    }
    if (!isOwnPage(request)) return this.#refuse(notOurs());
    const body = await smallBody(request, FORM);
    if ("refusal" in body) return this.#refuse(body.refusal);
    const form = new URLSearchParams(body.text);
    const next = localPath(form.get("next"));
    const result = access.logIn(form.get("password") ?? "", from.address);
    if ("refusal" in result) {
      this.#options.onRefused(result.refusal);
      return loginPage({ next, refusal: result.refusal });
    }
    const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${Sessions.lifeSeconds}${secure ? "; Secure" : ""}`;
    return seeOther(next, { "set-cookie": `${cookie}=${result.token}; ${flags}` });
  }

  async logout(request: Request, visitor: Visitor): Promise<Response> {
    const { access, csrf, cookie, secure } = this.#options;
    if (access.logOut === undefined) return seeOther("/");
    if (request.method !== "POST") return logoutPage(csrf.token(visitor.id));
    if (!isOwnPage(request)) return this.#refuse(notOurs());
    const body = await smallBody(request, FORM);
    if ("refusal" in body) return this.#refuse(body.refusal);
    if (!csrf.is(new URLSearchParams(body.text).get("csrf"), visitor.id)) return this.#refuse(notOurs());
    access.logOut(visitor);
    this.#options.onLoggedOut(visitor);
    const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=0${secure ? "; Secure" : ""}`;
    return seeOther("/login", { "set-cookie": `${cookie}=; ${flags}` });
  }

  #refuse(refusal: Refusal): Response {
    this.#options.onRefused(refusal);
    return refusalText(refusal);
  }
}

/** A path of this console and nothing that a browser takes for another place. */
export function localPath(text: string | null): string {
  if (text === null || !/^\/(?![/\\])[!-~]*$/.test(text) || text.includes("\\")) return "/";
  return /^\/log(in|out)([?#/]|$)/.test(text) ? "/" : text;
}

function notOurs(): Refusal {
  return {
    reason: "cross-origin",
    status: 403,
    code: "DENIED",
    message: "This form was not sent by a page of the console",
  };
}

function seeOther(location: string, headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 303, headers: { location, ...headers } });
}

function loginPage({ next, refusal }: { next: string; refusal?: Refusal }): Response {
  const said = refusal === undefined ? "" : `<p role="alert">${escaped(refusal.message)}</p>`;
  return page({
    status: refusal?.status ?? 200,
    headers: refusal?.headers ?? {},
    content: `<form method="post" action="/login">
${said}
<input type="hidden" name="next" value="${escaped(next)}">
<input type="text" name="username" value="isthmus" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
<p>It is in the Secret <code>isthmus-console</code> of the site's namespace, or in the file that the console was started with.</p>
</form>`,
  });
}

function logoutPage(csrf: string): Response {
  return page({
    status: 200,
    headers: {},
    content: `<form method="post" action="/logout">
<input type="hidden" name="csrf" value="${csrf}">
<button type="submit" autofocus>Log out</button>
<p><a href="/">Back to the console</a></p>
</form>`,
  });
}

function page(input: {
  status: number;
  headers: Readonly<Record<string, string>>;
  content: string;
}): Response {
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Isthmus</title>
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>Isthmus</h1>
${input.content}
</main>
</body>
</html>
`;
  return new Response(text, {
    status: input.status,
    headers: { ...input.headers, "content-type": "text/html; charset=utf-8" },
  });
}

/** The one file besides, since a style in the page itself is not allowed. */
export function loginStyle(): Response {
  return new Response(STYLE, {
    headers: { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" },
  });
}

const STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { width: min(22rem, 90vw); }
form { display: grid; gap: 0.75rem; }
input, button { font: inherit; padding: 0.5rem 0.75rem; border-radius: 0.4rem; border: 1px solid #8888; }
button { cursor: pointer; }
p { font-size: 0.875rem; margin: 0; }
[role="alert"] { border-left: 3px solid #c2410c; padding-left: 0.75rem; font-size: 1rem; }
`;

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
