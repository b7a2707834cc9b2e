const KEPT = 200;
let requests = new Map();
let known = [];
let firstState = true;

/* Tables carry their roles in writing: on phones they are laid out as blocks, and browsers
   take that for a sign that they are no tables. */

/* Rows are kept by key and changed in place, so that neither the keyboard's focus nor a screen
   reader's place is lost when something new arrives. */
function sync(body, items, keyOf, make, update, isNews = !firstState) {
  const rows = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let before = body.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let row = rows.get(key);
    if (row) {
      rows.delete(key);
    } else {
      row = put(null, "tr", null, { role: "row" });
      row.dataset.key = key;
      if (isNews) row.className = "new";
      make(row, item);
    }
    update(row, item);
    if (row === before) before = row.nextElementSibling;
    else body.insertBefore(row, before);
  }
  for (const row of rows.values()) row.remove();
}

/* Devices ------------------------------------------------------------------------------- */

function showDevices(devices) {
  sync($("devices"), devices, (one) => `${one.cloud} ${one.id}`, (row, one) => {
    put(put(row, "td"), "span", "", { class: "badge" });
    put(put(row, "td"), "strong", one.serial);
    put(row, "td", "", { class: "full" });
    put(row, "td", "", { class: "mono full id", "data-label": "id" });
    put(row, "td", "", { class: "owner", "data-label": "of" });
    put(put(row, "td", "", { "data-label": "seen" }), "time", "", {});
  }, (row, one) => {
    const [state, , model, id, owner, contact] = row.children;
    say(state.firstChild, one.state);
    state.firstChild.dataset.kind = { bound: "good", timing: "good", reserved: "odd" }[one.state];
    say(model, [one.model, one.alias, one.firmware].filter(Boolean).join(" · "));
    say(id, one.id.length > 16 ? `${one.id.slice(0, 8)}…${one.id.slice(-4)}` : one.id);
    id.title = one.id;
    say(owner, `${one.owner} (${one.cloud})`);
    contact.firstChild.dateTime = one.contact;
    contact.firstChild.title = new Date(one.contact).toLocaleString();
    say(contact.firstChild, ago(one.contact));
  });
  say($("devices-count"), devices.length || "");
  $("devices-empty").hidden = devices.length > 0;
}

setInterval(() => {
  for (const time of document.querySelectorAll("#devices time")) say(time, ago(time.dateTime));
}, 1000);

/* Requests ------------------------------------------------------------------------------ */

function kindOf(one) {
  if (one.status === null) return one.ended ? "bad" : "plain";
  return one.status < 300 ? "good" : one.status < 400 ? "odd" : "bad";
}

function isShown(one) {
  const filter = $("filter").value;
  if (filter === "post") return one.method !== "GET" && one.method !== "HEAD";
  return filter === "all" || kindOf(one) !== "good" && one.ended;
}

function showRequests() {
  const newest = [...requests.values()].filter(isShown).sort((a, b) => b.number - a.number);
  sync($("request-rows"), newest, (one) => one.number, (row, one) => {
    put(put(row, "td"), "time", clock(one.time), { datetime: one.time });
    const button = put(put(row, "td", "", { class: "full" }), "button", `${one.method} ${one.path}`, {
      type: "button", class: "row mono",
    });
    button.addEventListener("click", () => showRequest(one.number));
    put(put(row, "td"), "span", "", { class: "badge" });
    put(row, "td", "", { class: "number", "data-label": "ms" });
    put(button.parentNode, "small", "");
  }, (row, one) => {
    const [, request, answer, ms] = row.children;
    const text = one.status ?? (one.ended ? "no answer" : "arriving");
    say(answer.firstChild, text);
    answer.firstChild.dataset.kind = kindOf(one);
    say(ms, one.ended ? (one.ms < 10 ? one.ms : Math.round(one.ms)) : "");
    say(request.lastChild, one.fault ? `fault ${one.fault}` : "");
  });
  say($("requests-count"), requests.size || "");
  $("requests-empty").hidden = newest.length > 0;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function showRequest(number) {
  let one;
  try {
    one = await ask(`/_page/requests/${number}`);
  } catch (error) {
    say($("news"), error.message);
    return;
  }
  say($("request-title"), `Request ${one.number}`);
  const facts = $("request-facts");
  facts.replaceChildren();
  const status = one.status ?? (one.raw ? "bytes that are no HTTP" : one.ended ? "none" : "not yet");
  for (const [name, value] of [
    ["Request", `${one.method} ${one.path}${one.query ? `?${one.query}` : ""}`],
    ["Arrived", new Date(one.time).toLocaleString()],
    ["Answer", `${status}${one.ended ? ` after ${one.ms} ms` : ""}`],
    ["Fault", one.fault],
  ]) {
    if (!value) continue;
    put(facts, "dt", name);
    put(facts, "dd", value);
  }
  say($("request-headers"), one.headers.map((pair) => pair.join(": ")).join("\n"));
  say($("request-body-title"), one.whole ? "Body" : "Body, as far as it came");
  say($("request-body"), pretty(one.body) || "(empty)");
  say($("request-answer"), pretty(one.answer) || "(empty)");
  $("request").showModal();
}

$("request-close").addEventListener("click", () => $("request").close());
$("filter").addEventListener("change", showRequests);

/* Faults -------------------------------------------------------------------------------- */

function showFaults(faults) {
  if (known.length !== faults.known.length) {
    known = faults.known;
    const groups = { false: "In the answers", true: "In the bytes" };
    for (const bytes of [false, true]) {
      const rows = known.filter((one) => one.bytes === bytes);
      if (!rows.length) continue;
      const group = put($("fault-name"), "optgroup", undefined, { label: groups[bytes] });
      for (const one of rows) put(group, "option", one.name, { value: one.name });
    }
    chooseFault();
  }
  $("faults-active").replaceChildren();
  for (const one of faults.active) {
    const item = put($("faults-active"), "li");
    const words = put(item, "div");
    put(words, "strong", one.order);
    put(words, "small", one.says);
    const off = put(item, "button", "Switch off", {
      type: "button", class: "quiet", "aria-label": `Switch ${one.name} off`,
    });
    off.addEventListener("click", () => orderFault({ off: one.name }));
  }
  say($("faults-count"), faults.active.length ? `${faults.active.length} on` : "");
  $("faults-empty").hidden = faults.active.length > 0;
  $("faults-clear").disabled = faults.active.length === 0;
}

function chooseFault() {
  const fault = known.find((one) => one.name === $("fault-name").value);
  if (!fault) return;
  say($("fault-says"), `It ${fault.says}.`);
  $("fault-value-label").hidden = !fault.value;
  $("fault-value").disabled = !fault.value;
  if (fault.value) {
    const { least, most, unit } = fault.value;
    const name = unit.replace(/^a /, "");
    say($("fault-unit"), `${name[0].toUpperCase()}${name.slice(1)} (${least} to ${most})`);
    $("fault-value").min = least;
    $("fault-value").max = most;
    $("fault-value").value = fault.value.default;
  }
  $("fault-method-label").hidden = fault.bytes;
  $("fault-method").disabled = fault.bytes;
}

async function orderFault(order) {
  say($("fault-problem"), "");
  try {
    showFaults(await ask("/_page/faults", order));
  } catch (error) {
    say($("fault-problem"), error.message);
  }
}

$("fault-name").addEventListener("change", chooseFault);
$("faults-clear").addEventListener("click", () => orderFault({ clear: true }));
$("fault-form").addEventListener("submit", (event) => {
  event.preventDefault();
  let order = $("fault-name").value;
  if (!$("fault-value").disabled) order += `:${$("fault-value").value}`;
  if ($("fault-times").value) order += `x${$("fault-times").value}`;
  if (!$("fault-method").disabled && $("fault-method").value) order += `@${$("fault-method").value}`;
  orderFault({ on: order });
});

/* Reset --------------------------------------------------------------------------------- */

$("reset").addEventListener("click", () => $("reset-question").showModal());
$("reset-no").addEventListener("click", () => $("reset-question").close());
$("reset-yes").addEventListener("click", async () => {
  $("reset-question").close();
  await ask("/_page/reset", {});
});

/* News ---------------------------------------------------------------------------------- */

async function showState(state) {
  showAbout(state.about);
  showDevices(state.devices);
  showSessions(state.sessions);
  showFaults(state.faults);
  requests = new Map(state.requests.map((one) => [one.number, one]));
  showRequests();
  if (openSession) await showPassings();
  firstState = false;
}

let waiting = null;

function heardRequest(one) {
  requests.set(one.number, one);
  if (requests.size > KEPT) requests.delete(Math.min(...requests.keys()));
  waiting ??= requestAnimationFrame(() => {
    waiting = null;
    showRequests();
  });
  if (one.ended && one.method !== "GET") {
    say($("news"), `${one.method} ${one.path}: ${one.status ?? "no answer"}`);
  }
}

const { stream } = follow("/_page", showState, "connection lost, trying again");
stream.addEventListener("request", (event) => heardRequest(JSON.parse(event.data)));
