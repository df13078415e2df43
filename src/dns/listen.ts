import type { Responder } from "./responder.ts";
import { TcpServer } from "./tcp-server.ts";
import { UdpServer } from "./udp-server.ts";

/** A port that is free for TCP may be taken for UDP. */
const TRIES_FOR_A_PORT = 10;

export interface DnsAddress {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly responder: Responder;
}

export interface DnsServers {
  readonly udp: UdpServer;
  readonly tcp: TcpServer;
  readonly port: number;
  close(): void;
}

/** UDP and TCP on the same port. Rejects with the system's error when the address cannot be had. */
export async function listenDns(address: DnsAddress): Promise<DnsServers> {
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      return await listenOnce(address);
    } catch (error) {
      if (address.port !== 0 || !isAddressInUse(error) || tries === TRIES_FOR_A_PORT) throw error;
    }
  }
}

export function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/** TCP first: far more of its ports are taken, by connections that are over too. */
async function listenOnce(address: DnsAddress): Promise<DnsServers> {
  const tcp = new TcpServer(address);
  try {
    const udp = await UdpServer.listen({ ...address, port: tcp.port });
    const close = (): void => {
      udp.close();
      tcp.close();
    };
    return { udp, tcp, port: udp.port, close };
  } catch (error) {
    tcp.close();
    throw error;
  }
}
