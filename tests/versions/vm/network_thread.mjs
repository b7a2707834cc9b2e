// The thread that has the sockets: one question at a time, and each is answered, at last by its
// time running out.

import { X509Certificate } from "node:crypto";
import dns from "node:dns";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { workerData } from "node:worker_threads";

const { signal, port } = workerData;
const MOST_KEPT = 1 << 20;
const connections = new Map();

/** What a socket receives, in order: data, and only behind them the end or the error. */
class Connection extends Duplex {
    constructor(host, where) {
        super({ readableHighWaterMark: MOST_KEPT });
        this.broken = null;
        this.socket = net.connect({ host, port: where });
        this.socket.on("data", (data) => this.push(data) || this.socket.pause());
        this.socket.on("error", (error) => {
            this.broken = error;
            this.emit("broken");
            this.push(null);
        });
        this.socket.on("end", () => this.push(null));
        this.on("error", () => {});
        this.stream = this;
    }

    _read() {
        this.socket.resume();
    }

    _write(data, _encoding, done) {
        this.socket.write(data, done);
    }

    _destroy(error, done) {
        this.socket.destroy();
        done(error);
    }
}

/** Wait until `done()` is something, looked at whenever one of these events comes. */
function until(emitter, events, milliseconds, done) {
    return new Promise((resolve, reject) => {
        const finish = (settle, value) => {
            clearTimeout(timer);
            events.forEach((event) => emitter.off(event, look));
            settle(value);
        };
        const look = () => {
            try {
                const found = done();
                if (found !== undefined) {
                    finish(resolve, found);
                }
            } catch (error) {
                finish(reject, error);
            }
        };
        const timer = setTimeout(() => finish(reject, { code: "ETIMEDOUT" }), milliseconds);
        events.forEach((event) => emitter.on(event, look));
        look();
    });
}

/** Name what is wrong with a certificate: OpenSSL stops at the first fault, mbedTLS tells all. */
function faults(secure, roots) {
    const theirs = secure.getPeerX509Certificate();
    const signed = roots.some((root) => theirs.verify(new X509Certificate(root).publicKey));
    return `${secure.authorizationError} ${signed ? "" : "SIGNATURE"}`;
}

const verbs = {
    resolve: async ({ text }) => (await dns.promises.lookup(text, { family: 4 })).address,

    connect: async ({ id, text, number }) => {
        const [host, where] = text.split(" ");
        const connection = new Connection(host, Number(where));
        connections.set(id, connection);
        const { socket } = connection;
        return await until(socket, ["connect", "error"], number, () => {
            if (connection.broken) {
                throw connection.broken;
            }
            return socket.connecting ? undefined : "";
        });
    },

    secure: async ({ id, text, number }) => {
        const [servername, ...roots] = text.split(" ");
        const connection = connections.get(id);
        const ca = roots.map((root) => new X509Certificate(Buffer.from(root, "hex")).toString());
        const secure = tls.connect({ socket: connection, servername, ca, rejectUnauthorized: false });
        let found;
        secure.on("error", (error) => (found ??= error));
        secure.on("secureConnect", () => (found ??= ""));
        secure.on("close", () => (found ??= { code: "ECONNRESET" }));
        await until(secure, ["secureConnect", "error", "close"], number, () => found);
        if (found) {
            throw found;
        }
        if (!secure.authorized) {
            throw { code: faults(secure, ca) };
        }
        connection.stream = secure;
        return "";
    },

    receive: async ({ id, text, number }) => {
        const connection = connections.get(id);
        const { stream } = connection;
        return await until(stream, ["readable", "end", "error", "close"], number, () => {
            const size = Math.min(Number(text), stream.readableLength);
            const data = size ? stream.read(size) : stream.read(0);
            if (data) {
                return data.toString("hex");
            }
            if (stream.readableEnded || stream.destroyed) {
                if (connection.broken) {
                    throw connection.broken;
                }
                return "";
            }
        });
    },

    send: async ({ id, text, number }) => {
        const connection = connections.get(id);
        let sent;
        connection.stream.write(Buffer.from(text, "hex"), (error) => {
            sent = error ? connection.broken ?? error : text.length / 2;
            connection.emit("sent");
        });
        return await until(connection, ["sent"], number, () => {
            if (sent?.code) {
                throw sent;
            }
            return sent;
        });
    },

    close: async ({ id }) => {
        connections.get(id)?.destroy();
        connections.delete(id);
        return "";
    },
};

port.on("message", async (question) => {
    let answer;
    try {
        answer = { data: await verbs[question.verb](question) };
    } catch (error) {
        answer = { error: error.code ?? "BUG", text: error.stack ?? "" };
    }
    port.postMessage(JSON.stringify(answer));
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
});
