import type { Running } from "./processes.ts";

/** A data plane under measurement: a port to send to, and the processes whose CPU counts. */
export interface Plane {
  readonly name: string;
  readonly port: number;
  readonly processes: readonly Running[];
}

/** The plane, once `ready` resolves; when it rejects, its processes are stopped. */
export async function planeOnce(plane: Plane, ready: Promise<void>): Promise<Plane> {
  try {
    await ready;
    return plane;
  } catch (error) {
    await stopPlane(plane);
    throw error;
  }
}

export async function stopPlane(plane: Plane): Promise<void> {
  await Promise.all(plane.processes.map((process) => process.stop()));
}
