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
