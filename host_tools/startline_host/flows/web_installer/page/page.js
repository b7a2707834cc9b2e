// The page: installs and sets up the Wi-Fi with ESP Web Tools, and shows what becomes of the reader.

import "./esp-web-tools/install-button.js";
import { ConsoleReader } from "./console.js";
import { guardLoaders } from "./flash-guard.js";
import { overhearPorts } from "./overhear.js";
import { Listener } from "./port.js";
import { ReaderState } from "./state.js";

const LOG_LINES = 500;
const NOTHING = { state: "none", badge: "no reader", headline: "", why: "", next: "Connect a reader in step 1, or listen to one here. Listening sends it nothing." };
const $ = (id) => document.getElementById(id);

let listener = null;
let reader = null;

function show({ state, badge, headline, why, next }) {
  $("state").dataset.state = state;
  $("badge").textContent = badge;
  $("headline").textContent = headline;
  $("why").textContent = why;
  $("next").textContent = next;
}

function log(line) {
  const lines = $("log").textContent.split("\n").slice(1 - LOG_LINES);
  $("log").textContent = [...lines, line].join("\n").trimStart();
  $("log").scrollTop = $("log").scrollHeight;
}

function showButtons(isOpen) {
  $("listen").hidden = listener !== null;
  $("restart").hidden = $("stop").hidden = !isOpen;
}

function showReader() {
  // A restart in the middle of a request would leave its outcome unknown.
  $("restart").disabled = reader.isAsking;
  show(reader.view());
}

function onEvent(event) {
  reader.take(event);
  showReader();
}

function listen(port) {
  listener = new Listener(port, { onOpen: () => showButtons(true), onEnd: ended });
  showButtons(false);
  showReader();
}

function ended(error) {
  listener = null;
  showButtons(false);
  if (error) {
    show({ state: "gone", badge: "no connection", headline: "The reader cannot be heard.", why: `${error.message}`,
      next: "Close what else uses the port, plug the reader in again, and listen once more." });
  } else if (!reader.state) {
    show(NOTHING); // what was learned of a reader stays to be read
  }
}

async function choosePort() {
  try {
    listen(await navigator.serial.requestPort());
  } catch (error) {
    if (error.name !== "NotFoundError") throw error; // nothing was chosen
  }
}

/** A port has one user: stop listening before ESP Web Tools opens it, and listen again afterwards. */
function shareWithTool() {
  $("install").addEventListener("click", async (event) => {
    if (!listener) return;
    event.stopPropagation();
    event.preventDefault();
    await listener.stop();
    event.target.click();
  }, true);
  new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.removedNodes) {
        if (node.localName === "ewt-install-dialog" && !listener) listen(node.port);
      }
    }
  }).observe(document.body, { childList: true });
}

async function start() {
  const facts = await (await fetch("startline.json")).json();
  $("about").textContent = `${facts.board}, ${facts.flash_size >> 20} MB of flash · Startline ${facts.startline} · MicroPython ${facts.micropython}`;
  $("app").textContent = facts.app ? "These files bring an app." : "These files bring no app: one that is on the reader is removed.";
  reader = new ReaderState(facts.words);
  if (!("serial" in navigator)) return; // the page says already what it needs
  guardLoaders(facts);
  const lines = new ConsoleReader(onEvent, log);
  overhearPorts({ chosen: () => reader.forget(), hear: (bytes) => lines.take(bytes) });
  shareWithTool();
  $("listen").addEventListener("click", choosePort);
  $("restart").addEventListener("click", () => listener.restart());
  $("stop").addEventListener("click", () => listener.stop());
  $("cannot").hidden = true;
  $("work").hidden = false;
  show(NOTHING);
}

start();
