// One serial port that this page listens to, without disturbing the reader behind it.

const BAUD = 115200;
const RESET_PULSE = 100; // ms
const CLOSING = 5000; // ms that somebody else may take to let go of the port

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Listener {
  /** `onOpen()` is called once the port is open, `onEnd(error)` when it ends; no error: by `stop`. */
  constructor(port, { onOpen, onEnd }) {
    this.port = port;
    this.onOpen = onOpen;
    this.onEnd = onEnd;
    this.ended = this.run();
  }

  async run() {
    let error = null;
    try {
      await this.open();
      this.onOpen();
      while (this.port.readable && !this.stopped) await this.read();
    } catch (thrown) {
      error = thrown;
    }
    await this.port.close().catch(() => {}); // one that has gone is closed
    this.onEnd(this.stopped ? null : error ?? new Error("the port has gone"));
  }

  /** Open the port. One that is being closed is not readable any more, and cannot be opened yet. */
  async open() {
    for (let left = CLOSING; ; left -= 100) {
      try {
        return await this.port.open({ baudRate: BAUD });
      } catch (error) {
        if (error.name !== "InvalidStateError" || left <= 0) throw error;
      }
      await pause(100);
    }
  }

  async read() {
    this.reader = this.port.readable.getReader();
    try {
      while (!(await this.reader.read()).done); // the page overhears it
    } finally {
      this.reader.releaseLock();
      this.reader = null;
    }
  }

  /** Restart the reader: EN low by RTS, with IO0 left high by DTR, so that it runs its flash. */
  async restart() {
    await this.port.setSignals({ dataTerminalReady: false, requestToSend: true });
    await pause(RESET_PULSE);
    await this.port.setSignals({ dataTerminalReady: false, requestToSend: false });
  }

  async stop() {
    this.stopped = true;
    await this.reader?.cancel().catch(() => {});
    await this.ended;
  }
}
