import type { Running } from "./processes.ts";

/** A data plane under measurement: a port to send to, and the processes whose CPU counts. */
export interface Plane {
  readonly name: string;
  readonly port: number;
  readonly processes: readonly Running[];
}

export async function stopPlane(plane: Plane): Promise<void> {
  await Promise.all(plane.processes.map((process) => process.stop()));
}
