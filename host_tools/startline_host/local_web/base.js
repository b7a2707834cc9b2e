"use strict";

/* What every page of ours begins with: elements, words, times, requests ------------------------ */

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=startline-token]")?.content ?? "";

function put(parent, tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (tag === "td") element.setAttribute("role", "cell");
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  parent?.append(element);
  return element;
}

function say(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString([], { hour12: false }) : "");

function ago(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(iso)) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 100) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(iso).toLocaleDateString();
}

async function ask(path, order) {
  const options = order === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Startline-Token": token },
    body: JSON.stringify(order),
  };
  const answer = await fetch(path, options);
  const fields = await answer.json();
  if (!answer.ok) throw new Error(fields.problem || fields.description || `The server answered ${answer.status}.`);
  return fields;
}

function setLink(state, words) {
  $("link").dataset.state = state;
  say($("link").lastElementChild, words);
}

function showAbout(about) {
  $("about").replaceChildren();
  for (const [name, value] of Object.entries(about)) {
    if (!value) continue;
    const pair = put($("about"), "div");
    put(pair, "dt", name);
    put(pair, "dd", value);
  }
}

/* Shows the state under a path anew whenever its server tells that something has changed; one
   request at a time, however fast the news come. */
function follow(path, show, lost) {
  let asking = false;
  let askAgain = false;
  const refresh = async () => {
    askAgain = asking;
    if (asking) return;
    asking = true;
    try {
      await show(await ask(`${path}/state`));
    } catch {
      /* The event stream tells when the server is back, and then this is asked again. */
    } finally {
      asking = false;
      if (askAgain) setTimeout(refresh, 100);
    }
  };
  const stream = new EventSource(`${path}/events`);
  stream.addEventListener("open", () => {
    setLink("live", "live");
    refresh();
  });
  stream.addEventListener("error", () => setLink("lost", lost));
  stream.addEventListener("changed", refresh);
  return { refresh, stream };
}
