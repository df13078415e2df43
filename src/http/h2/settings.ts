import { H2_ERROR, MAX_FRAME_BYTES, MAX_WINDOW_BYTES, SETTING } from "./constants.ts";
import { readU32 } from "./frame.ts";

/** What the peer announced (RFC 9113 section 6.5.2); its MAX_FRAME_SIZE is never smaller than what is sent here. */
export class PeerSettings {
  headerTableBytes = 4096;
  /** Until the first SETTINGS: what the RFC recommends as the least. */
  maxStreams = 100;
  initialWindowBytes = 65_535;
  maxHeaderListBytes = Number.POSITIVE_INFINITY;
  #received = false;

  get received(): boolean {
    return this.#received;
  }

  /** Takes the values of a SETTINGS payload, of which the last of a kind counts. Returns an error code, or NO_ERROR. */
  read(payload: { bytes: Uint8Array; from: number; to: number }, fromServer: boolean): number {
    const { bytes, to } = payload;
    if (!this.#received) this.maxStreams = Number.POSITIVE_INFINITY;
    this.#received = true;
    for (let at = payload.from; at < to; at += 6) {
      const error = this.#set((bytes[at]! << 8) | bytes[at + 1]!, readU32(bytes, at + 2), fromServer);
      if (error !== H2_ERROR.NO_ERROR) return error;
    }
    return H2_ERROR.NO_ERROR;
  }

  #set(id: number, value: number, fromServer: boolean): number {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        break;
      case SETTING.ENABLE_PUSH:
        if (value > (fromServer ? 0 : 1)) return H2_ERROR.PROTOCOL_ERROR;
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES) return H2_ERROR.FLOW_CONTROL_ERROR;
        this.initialWindowBytes = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < MAX_FRAME_BYTES || value > 0xff_ffff) return H2_ERROR.PROTOCOL_ERROR;
        break;
      case SETTING.MAX_HEADER_LIST_SIZE:
        this.maxHeaderListBytes = value;
        break;
      default:
        break;
    }
    return H2_ERROR.NO_ERROR;
  }
}
