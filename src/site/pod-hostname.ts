const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * What a pod of a headless service is called in DNS (KEP-1645, "DNS Specification"): its hostname, or else its address with dashes, as
 * CoreDNS has it. All clusters call it the same, so that goes along with what is exported. Undefined for what is no DNS label.
 */
export function podHostname(hostname: string | undefined, address: string): string | undefined {
  return [hostname, address.toLowerCase().replace(/[.:]/g, "-")].find(
    (one) => one !== undefined && LABEL.test(one),
  );
}
