import { describe, expect, test } from "bun:test";
import { parseCorefile } from "./corefile.ts";
import { DEFAULT_COREFILE } from "./dns-objects.ts";

const to = (...addresses: [string, number][]) => ({
  upstreams: addresses.map(([host, port]) => ({ host, port })),
});

describe("a Corefile", () => {
  test("of a cluster as it comes asks the machine's resolvers for everything", () => {
    expect(parseCorefile(DEFAULT_COREFILE)).toEqual([{ zone: "", to: { file: "/etc/resolv.conf" } }]);
  });

  test("sends each zone of a block to whom its forward names, whatever else is in it", () => {
    const text = `
# a comment { with a brace
clusterset.local:53, Example.ORG. dns://third.test {
    errors
    cache 30 {
        success 9984
    }
    forward . 127.1.128.20 127.1.128.21:5353 dns://[::1]:54 {
        policy sequential # not followed
    }
}
(snippet) {
    log
}
other.test:1053 { # another port
    forward . 10.0.0.1
}
none.test {
    file /etc/zone
}
sub.test {
    forward deep.sub.test. 10.0.0.9
}
`;
    const both = to(["127.1.128.20", 53], ["127.1.128.21", 5353], ["::1", 54]);
    expect(parseCorefile(text)).toEqual([
      { zone: "clusterset.local", to: both },
      { zone: "example.org", to: both },
      { zone: "third.test", to: both },
      { zone: "none.test", to: { upstreams: [] } },
      { zone: "deep.sub.test", to: to(["10.0.0.9", 53]) },
    ]);
  });

  test("that cannot be followed is refused with the line that is wrong", () => {
    for (const [text, why] of [
      [".:53 {\n  errors\n", 'line 2: a server block without its "}"'],
      [".:53 {\n}\n}\n", 'line 3: a "}" too many'],
      ["a.test {\n  forward .\n}", 'line 2: "forward" names nobody to ask'],
      [
        "a.test {\n  forward . tls://9.9.9.9\n}",
        'line 2: cannot forward to "tls://9.9.9.9": expected ADDRESS or ADDRESS:PORT',
      ],
      [
        "a.test {\n  forward . host.test\n}",
        'line 2: cannot forward to "host.test": expected ADDRESS or ADDRESS:PORT',
      ],
    ])
      expect(() => parseCorefile(text ?? "")).toThrow(why ?? "");
  });
});
