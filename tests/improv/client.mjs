// The Improv client that web installers use (npm: improv-wifi-serial-sdk), over a TCP byte stream.
//
//   node client.mjs FOLDER_OF_NODE_MODULES HOST PORT
//
// Each line of standard input is a call, ["method", argument...]; each has one line of JSON for an
// answer: {"is": value} or {"failed": text}.

import { registerHooks } from "node:module";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { once } from "node:events";
import { pathToFileURL } from "node:url";

const [folder, host, port] = process.argv.slice(2);

// The package is written for a bundler: its modules leave out ".js", and do not say what they are.
registerHooks({
  resolve(name, context, next) {
    return next(/^\.\.?\/.*(?<!\.js)$/.test(name) ? `${name}.js` : name, context);
  },
  load(url, context, next) {
    return next(url, url.startsWith("file:") ? { ...context, format: "module" } : context);
  },
});
const sdk = `${folder}/node_modules/improv-wifi-serial-sdk/dist/serial.js`;
const { ImprovSerial } = await import(pathToFileURL(sdk).href);

const socket = connect({ host, port: Number(port) });
await once(socket, "connect");
const quiet = { log() {}, debug() {}, error() {} };
const client = new ImprovSerial(Duplex.toWeb(socket), quiet);

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line);
  let answer;
  try {
    const is = typeof client[method] !== "function" ? client[method] : await client[method](...given);
    answer = { is: is ?? null };
  } catch (error) {
    answer = { failed: String(error?.message ?? error) };
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
