// Sockets that block, for a VM that knows no waiting: a second thread has Node's, and this one
// sleeps until it has answered.

import { randomBytes } from "node:crypto";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";

export class Network {
    #signal = new Int32Array(new SharedArrayBuffer(4));
    #port = null;
    #worker = null;

    // What MicroPython sees as the module `_network`. Bytes are passed as hex.
    calls = {
        // The answer is its JSON, {"data": ...} or {"error": a word, "text": ...}.
        ask: (verb, id, text, number) => this.#ask({ verb, id, text, number }),
        random: (count) => randomBytes(count).toString("hex"),
    };

    close() {
        this.#worker?.terminate();
    }

    #start() {
        const { port1, port2 } = new MessageChannel();
        this.#port = port1;
        this.#worker = new Worker(new URL("./network_thread.mjs", import.meta.url), {
            workerData: { signal: this.#signal, port: port2 },
            transferList: [port2],
        });
        this.#worker.unref();
    }

    #ask(question) {
        if (!this.#worker) {
            this.#start();
        }
        Atomics.store(this.#signal, 0, 0);
        this.#port.postMessage(question);
        while (Atomics.load(this.#signal, 0) === 0) {
            Atomics.wait(this.#signal, 0, 0); // woken by the answer before this one, too
        }
        return receiveMessageOnPort(this.#port).message;
    }
}
