import { FLAG, H2_ERROR } from "./constants.ts";
import type { FrameHeader } from "./frame.ts";
import type { Payload } from "./header-blocks.ts";
import type { Police } from "./police.ts";
import type { Sender } from "./sender.ts";
import type { PeerSettings } from "./settings.ts";
import type { StreamTable } from "./stream-table.ts";
import type { SessionEvents } from "./types.ts";
import type { Watch } from "./watch.ts";

export interface ControlOptions {
  readonly server: boolean;
  readonly police: Police;
  readonly streams: StreamTable;
  readonly sender: Sender;
  readonly peer: PeerSettings;
  readonly watch: Watch;
  readonly events: SessionEvents;
}

/** Takes SETTINGS, WINDOW_UPDATE and RST_STREAM (RFC 9113 sections 6.5, 6.9, 6.4) to where they count. */
export class Control {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  settings(frame: FrameHeader, payload: Payload): void {
    const { server, police, streams, sender, peer, watch, events } = this.#options;
    if ((frame.flags & FLAG.ACK) !== 0) {
      if (!watch.settingsAcknowledged()) police.spend("settingsFlood");
      return;
    }
    if (!police.spend("settingsFlood")) return;
    const before = peer.initialWindowBytes;
    const error = peer.read(payload, !server);
    if (error !== H2_ERROR.NO_ERROR) {
      police.fail(error, "SETTINGS with a value that is not valid");
      return;
    }
    sender.output.hpack.setMaxTableBytes(peer.headerTableBytes);
    sender.output.settingsAck();
    sender.written();
    const more = peer.initialWindowBytes - before;
    if (more !== 0) {
      for (const stream of streams.values()) {
        if (stream.creditSend(more)) continue;
        police.fail(H2_ERROR.FLOW_CONTROL_ERROR, "SETTINGS that make a window too large");
        return;
      }
    }
    events.onSettings?.();
  }

  windowUpdate(id: number, increment: number): void {
    const { police, streams, sender } = this.#options;
    police.guard.dataSent(sender.dataFrames);
    if (!police.spend("windowUpdateFlood")) return;
    if (id === 0) {
      if (increment === 0) police.fail(H2_ERROR.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
      else if (!sender.credit(increment)) {
        police.fail(H2_ERROR.FLOW_CONTROL_ERROR, "WINDOW_UPDATE past 2^31-1");
      }
      return;
    }
    const stream = streams.get(id);
    if (stream === undefined) {
      if (!streams.isIdle(id)) return;
      police.fail(H2_ERROR.PROTOCOL_ERROR, `WINDOW_UPDATE for stream ${id}, which is idle`);
    } else if (increment === 0 || !stream.creditSend(increment)) {
      const code = increment === 0 ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.FLOW_CONTROL_ERROR;
      police.refuse(stream, code, { counter: "streamFlowControl", reason: `WINDOW_UPDATE of ${increment}` });
    }
  }

  reset(id: number, code: number): void {
    const { server, police, streams } = this.#options;
    const stream = streams.get(id);
    if (stream !== undefined) {
      stream.lose(code, "The peer reset the stream");
      if (server) police.spend("rapidReset");
    } else if (streams.isIdle(id)) {
      police.fail(H2_ERROR.PROTOCOL_ERROR, `RST_STREAM for stream ${id}, which is idle`);
    } else {
      police.spend("closedStreamFlood");
    }
  }
}
