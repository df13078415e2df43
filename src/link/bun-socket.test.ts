import { describe, expect, test } from "bun:test";

/** What the link relies on and Bun does not promise in writing. */
describe("a socket of Bun", () => {
  for (const kind of ["plain", "TLS"] as const) {
    test(`${kind}: copies what write takes, and gives memory to its data callback that it never writes to again`, async () => {
      const { TestNetwork } = await import("./testing/network.ts");
      const { clientTls, serverTls } = await import("./tls-wire.ts");
      const network = new TestNetwork();
      const total = 12_000_000;
      const kept: Buffer[] = [];
      const copies: Buffer[] = [];
      let received = 0;
      const sent = new Bun.CryptoHasher("sha256");
      const got = new Bun.CryptoHasher("sha256");
      const done = Promise.withResolvers<void>();
      using server = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        ...(kind === "TLS" ? { tls: serverTls(network.identity("b")) } : {}),
        socket: {
          data(_socket, chunk) {
            got.update(chunk);
            if (kept.length < 20) {
              kept.push(chunk);
              copies.push(Buffer.from(chunk));
            }
            received += chunk.length;
            if (received === total) done.resolve();
          },
        },
      });
      let resume: (() => void) | undefined;
      const client = await Bun.connect({
        hostname: "127.0.0.1",
        port: server.port,
        ...(kind === "TLS" ? { tls: clientTls(network.identity("a")) } : {}),
        socket: {
          data() {},
          drain: () => resume?.(),
        },
      });
      let partial = 0;
      for (let begun = 0; begun < total; begun += 1_000_000) {
        const bytes = crypto.getRandomValues(new Uint8Array(50_000));
        const chunk = new Uint8Array(1_000_000);
        for (let at = 0; at < chunk.length; at += bytes.length) chunk.set(bytes, at);
        sent.update(chunk);
        for (let at = 0; at < chunk.length;) {
          // The link's buffer is written to again as soon as write returned.
          const scratch = chunk.slice(at);
          const taken = client.write(scratch, 0, scratch.length);
          scratch.fill(0xee);
          expect(taken).toBeGreaterThanOrEqual(0);
          at += taken;
          if (at === chunk.length) break;
          partial++;
          const drained = Promise.withResolvers<void>();
          resume = drained.resolve;
          await drained.promise;
        }
      }
      await done.promise;
      client.terminate();
      expect(got.digest("hex")).toBe(sent.digest("hex"));
      expect(partial).toBeGreaterThan(0);
      kept.forEach((chunk, i) => expect(chunk.equals(copies[i]!)).toBe(true));
    });
  }
});
