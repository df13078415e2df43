/** What went wrong, as the observer says it. `status` is 0 when it did not answer. */
export interface ApiError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ApiError };

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  return ask<T>(path, signal === undefined ? {} : { signal });
}

export async function postJson<T>(
  path: string,
  options: { body: unknown; csrf: string },
): Promise<Answer<T>> {
  return ask<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-isthmus-csrf": options.csrf },
    body: JSON.stringify(options.body),
  });
}

async function ask<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  try {
    const response = await fetch(path, { ...init, cache: "no-store" });
    if (!response.ok) return { ok: false, error: await errorOf(response) };
    return { ok: true, value: (await response.json()) as T };
  } catch (reason) {
    return { ok: false, error: unreachable(reason) };
  }
}

export function unreachable(reason: unknown): ApiError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return { status: 0, code: "UNREACHABLE", message: `The observer does not answer: ${message}` };
}

export async function errorOf(response: Response): Promise<ApiError> {
  const status = response.status;
  const fallback = { status, code: "FAILED", message: `The observer answered ${status}` };
  try {
    const { error } = (await response.json()) as { error?: Partial<ApiError> };
    return { ...fallback, ...error, status };
  } catch {
    return fallback;
  }
}
