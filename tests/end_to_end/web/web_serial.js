// Stands in for Web Serial: one port, whose other end is the test's server, as serial_bridge.py says.
// What browsers do with a port is https://wicg.github.io/serial/.

{
  const CLOSING = 200; // ms that a driver takes at least

  const call = async (what, body) => {
    const answer = await fetch(`/serial/${what}`, { method: "POST", body });
    if (!answer.ok) throw new DOMException("The device has been lost.", "NetworkError");
  };

  class BridgedPort extends EventTarget {
    #readable = null;
    #writable = null;
    #incoming = null;
    #waiting = [];
    #isOpen = false;
    #isClosing = false;

    getInfo() {
      return {};
    }

    async open({ baudRate }) {
      if (this.#isOpen || this.#isClosing) throw new DOMException("The port is already open.", "InvalidStateError");
      await call("open", JSON.stringify({ baudRate }));
      this.#isOpen = true;
      const body = (await fetch("/serial/read")).body.getReader();
      this.#incoming = body;
      this.#pump(body);
    }

    async #pump(body) {
      try {
        for (;;) {
          const { value, done } = await body.read();
          if (done) break;
          this.#waiting.push(value);
          this.#deliver();
        }
      } catch {
        // the server has gone
      }
      if (this.#isOpen && this.#incoming === body) {
        this.#isOpen = false;
        this.#readable?.controller.error(new DOMException("The device has been lost.", "NetworkError"));
        this.#readable = this.#writable = null;
      }
    }

    #deliver() {
      while (this.#readable && this.#waiting.length) this.#readable.controller.enqueue(this.#waiting.shift());
    }

    get readable() {
      if (!this.#isOpen) return null;
      if (!this.#readable) {
        const made = {};
        made.stream = new ReadableStream({
          start: (controller) => { made.controller = controller; },
          cancel: () => { this.#readable = null; }, // the next look gives another
        });
        this.#readable = made;
        this.#deliver();
      }
      return this.#readable.stream;
    }

    get writable() {
      if (!this.#isOpen) return null;
      const gone = () => { this.#writable = null; };
      this.#writable ??= new WritableStream({ write: (bytes) => call("write", bytes), close: gone, abort: gone });
      return this.#writable;
    }

    setSignals(signals) {
      return call("signals", JSON.stringify(signals));
    }

    async close() {
      if (!this.#isOpen) throw new DOMException("The port is already closed.", "InvalidStateError");
      if (this.#readable?.stream.locked || this.#writable?.locked) throw new TypeError("The port is in use.");
      this.#isOpen = false;
      this.#isClosing = true; // no longer readable, and not to be opened yet
      this.#readable = this.#writable = null;
      this.#waiting = [];
      try {
        await call("close");
        await this.#incoming.cancel();
        await new Promise((done) => setTimeout(done, CLOSING));
      } finally {
        this.#isClosing = false;
      }
    }
  }

  const port = new BridgedPort();
  const serial = Object.assign(new EventTarget(), {
    requestPort: async () => port,
    getPorts: async () => [port],
  });
  Object.defineProperty(navigator, "serial", { value: serial });
}
