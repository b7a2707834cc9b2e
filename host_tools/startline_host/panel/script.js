let state = null;
let pending = null;

const NAMES = {
  status: "Ask the reader", "race status": "Read the journal", inspect: "Inspect the reader",
  doctor: "Checks", set: "Set the reader", retry: "Retry", reconcile: "Reconcile",
};

/* What is shown ------------------------------------------------------------------------- */

function facts(list, rows) {
  list.replaceChildren();
  for (const [name, value] of rows) {
    if (value === "" || value === null || value === undefined) continue;
    put(list, "dt", name);
    put(list, "dd", value);
  }
}

/* What did not change is not drawn anew, so that a selection or a place in a list stays. */
const drawn = new Map();

function draw(part, value, show) {
  const text = JSON.stringify(value);
  if (drawn.get(part) === text) return;
  drawn.set(part, text);
  show(value);
}

const asOf = (iso) => (iso ? `${clock(iso)}, ${ago(iso)}` : "");

function showHeadline({ headline, port, about, job }) {
  $("headline").dataset.kind = headline.kind;
  say($("badge"), headline.badge);
  $("badge").dataset.kind = headline.kind;
  say($("words"), headline.words);
  say($("next"), headline.next);
  document.title = `${headline.badge} · Startline panel`;
  const changes = ["retry", "reconcile", "set"].includes(headline.verb);
  const button = $("next-do");
  button.hidden = !headline.verb || (changes && !about.control);
  button.parentNode.hidden = button.hidden;
  button.dataset.verb = headline.verb;
  say(button, `${NAMES[headline.verb] ?? ""} …`);
  say($("release"), port.state === "released" ? "Take the port back" : "Free the port for another program");
  const busy = job?.state === "running";
  for (const one of document.querySelectorAll("[data-verb], form:not(#question) button, #release")) {
    one.disabled = busy || (port.state === "released" && one.id !== "release");
  }
}

function showPanel(about) {
  showAbout({
    port: about.port, baud: about.baud, mode: about.control ? "control" : "looks only",
    "carries to": about.carries,
  });
  $("control").hidden = !about.control;
  if ($("factory-names").options.length === 1) {
    for (const name of about.factory) put($("factory-names"), "option", name, { value: name });
  }
}

function showReader(reader) {
  facts($("reader"), [
    ["Serial number", reader.serial], ["State", reader.state || "not known yet"],
    ["Reason", reader.reason], ["deviceid", reader.deviceid], ["Chip", reader.mac],
    ["Agent", reader.agent], ["MicroPython", reader.micropython],
  ]);
}

function showTimes({ reader_at, asked, race }) {
  const how = asked ? "It said so when it was asked" : "It reported this by itself";
  say($("reader-at"), reader_at ? `${how}: ${asOf(reader_at)}.` : "");
  say($("race-at"), race ? `As of ${asOf(race.at)}.` : "");
}

function showRace(race) {
  $("race").hidden = !race;
  $("race-none").hidden = Boolean(race);
  if (!race) return;
  $("race-counts").replaceChildren();
  for (const [name, words] of [
    ["stored", "stored"], ["sent", "sent"], ["waiting", "waiting"],
    ["unsure", "perhaps sent"], ["aside", "set aside"],
  ]) {
    if (!race[name] && ["unsure", "aside"].includes(name)) continue;
    const odd = ["unsure", "aside"].includes(name);
    const item = put($("race-counts"), "li", null, { "data-kind": odd ? "odd" : "plain" });
    put(item, "strong", race[name].toLocaleString("en"));
    put(item, "span", words);
  }
  const share = race.stored ? Math.min(1, race.sent / race.stored) : 0;
  $("race-bar").hidden = !race.stored;
  $("race-bar").setAttribute("aria-label", `${Math.floor(share * 100)} % of the stored passings are sent`);
  $("race-bar").firstChild.style.width = `${share * 100}%`;
  facts($("race-facts"), [
    ["Session", race.session || "none is open"], ["Time from", race.clock],
    ["Sending", race.sending], ["Journal", `${race.full} % cannot be reused`],
  ]);
}

function showJournal(journal) {
  $("journal").hidden = !journal;
  if (!journal) return;
  say($("journal-at"), clock(journal.at));
  facts($("journal-facts"), [
    ["Stored", `${journal.stored} (numbers ${journal.first} to ${journal.last})`],
    ["Sent", journal.sent], ["Waiting", journal.waiting],
    ["Perhaps sent", journal.unsure || ""], ["Set aside", journal.aside || ""],
    ["Lost", journal.damage.map((one) => `${one.first} to ${one.last}`).join(", ")],
  ]);
  rows($("journal-sessions"), journal.sessions.map((one) => [one.alias || one.session, one.state, one.passings]));
}

function rows(body, all) {
  body.replaceChildren();
  for (const cells of all) {
    const row = put(body, "tr");
    for (const cell of cells) put(row, "td", cell, typeof cell === "number" ? { class: "number" } : {});
  }
}

function showDoctor(doctor) {
  $("doctor-none").hidden = Boolean(doctor);
  say($("doctor-at"), doctor ? clock(doctor.at) : "");
  const findings = doctor?.findings ?? [];
  const order = { bad: 0, note: 1, good: 2 };
  $("doctor").replaceChildren();
  for (const one of [...findings].sort((a, b) => order[a.verdict] - order[b.verdict])) {
    const item = put($("doctor"), "li");
    const kind = { bad: "bad", note: "odd", good: "good" }[one.verdict];
    put(item, "span", { bad: "fix", note: "note", good: "ok" }[one.verdict], { class: "badge", "data-kind": kind });
    put(item, "span", one.text);
    if (one.remedy) put(item, "small", one.remedy);
  }
}

function showInspection(found) {
  $("inspection").hidden = !found;
  $("inspection-none").hidden = Boolean(found);
  if (!found) return;
  say($("inspection-at"), clock(found.at));
  say($("inspection-says"), found.title);
  for (const name of ["missing", "notes"]) {
    $(`inspection-${name}`).replaceChildren();
    for (const text of found[name]) put($(`inspection-${name}`), "li", text);
  }
  say($("inspection-verdict"), found.verdict || "none");
  facts($("inspection-software"), found.software);
  facts($("inspection-settings"), found.settings);
  rows($("inspection-record"), found.record);
  rows($("inspection-partitions"), found.partitions);
}

let lastLine = 0;

function showConsole(lines) {
  const list = $("console");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  for (const one of lines) {
    if (one.n <= lastLine) continue;
    lastLine = one.n;
    const item = put(list, "li", null, { "data-kind": one.kind });
    put(item, "time", clock(one.time), { datetime: one.time });
    put(item, "span", one.text);
  }
  while (list.children.length > 200) list.firstElementChild.remove();
  list.hidden = list.children.length === 0;
  $("console-none").hidden = !list.hidden;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

let closed = "";

function showJob(job) {
  $("job").hidden = !job || job.began === closed;
  if (!job) return;
  $("job-close").hidden = job.state === "running";
  say($("job-title"), NAMES[job.verb]);
  const kind = { running: "odd", done: "good", failed: "bad" }[job.state];
  say($("job-state"), { running: "under way", done: "done", failed: "not done" }[job.state]);
  $("job-state").dataset.kind = kind;
  const steps = job.steps;
  const last = steps.findLast((one) => one.kind === "step");
  say($("job-says"), job.state === "running" ? `${last ? last.text : "Starting"} …` : job.sentences.join(" "));
  say($("job-hint"), job.state === "running" ? "" : job.hint);
  const bar = $("job-progress");
  bar.hidden = !job.transfer;
  if (job.transfer) {
    bar.max = job.transfer.total;
    bar.value = job.transfer.done;
    bar.setAttribute("aria-label", job.transfer.verb);
  }
  $("job-more").hidden = steps.length === 0;
  $("job-steps").replaceChildren();
  for (const one of steps) put($("job-steps"), "li", one.text, { "data-kind": one.kind });
  showQuestion(job.question);
}

function showQuestion(question) {
  const form = $("question");
  if (!question) {
    form.hidden = true;
    form.dataset.number = "";
    return;
  }
  if (form.dataset.number === String(question.number)) return;
  form.dataset.number = question.number;
  say($("question-text"), question.text);
  say($("question-label"), question.label);
  $("question-typed").type = question.secret ? "password" : "text";
  $("question-typed").value = "";
  form.hidden = false;
  $("question-typed").focus();
}

const SHOWN = {
  about: showPanel, reader: showReader, race: showRace, journal: showJournal, doctor: showDoctor,
  inspection: showInspection, job: showJob,
};

$("job-close").addEventListener("click", () => {
  closed = state?.job?.began ?? "";
  $("job").hidden = true;
});

/* What is ordered ----------------------------------------------------------------------- */

function complain(error) {
  say($("words"), error.message);
}

async function start(verb, order) {
  try {
    await ask("/_panel/jobs", { verb, order });
    $("set-form").elements.password.value = "";
  } catch (error) {
    $("job").hidden = false;
    say($("job-title"), NAMES[verb]);
    say($("job-state"), "not done");
    $("job-state").dataset.kind = "bad";
    say($("job-says"), error.message);
    say($("job-hint"), "");
    $("job-more").hidden = true;
    $("job").scrollIntoView({ block: "nearest" });
  }
}

/* Verbs that stop the reader ask first. */
function begin(verb, order = {}) {
  if (verb === "doctor") {
    start(verb, order);
    return;
  }
  pending = { verb, order };
  say($("stops-title"), `${NAMES[verb]}?`);
  const timing = state?.race?.session;
  say($("stops-race"), timing ? `It is timing ${timing} right now.` : "");
  $("stops-yes").className = timing ? "danger" : "";
  $("stops-hard").checked = false;
  $("stops").showModal();
}

$("stops-no").addEventListener("click", () => $("stops").close());
$("stops-yes").addEventListener("click", () => {
  $("stops").close();
  const { verb, order } = pending;
  start(verb, { ...order, interrupt: true, hard: $("stops-hard").checked });
});
for (const button of document.querySelectorAll("[data-verb], #next-do")) {
  button.addEventListener("click", () => {
    if (button.id === "beside") start(button.dataset.verb, {});
    else begin(button.dataset.verb);
  });
}

const words = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

function settings() {
  const fields = $("set-form").elements;
  const order = {};
  for (const name of ["ssid", "password", "link"]) if (fields[name].value) order[name] = fields[name].value;
  for (const name of ["boot_limit", "look_pause", "dead_time", "batch"]) {
    if (fields[name].value !== "") order[name] = Number(fields[name].value);
  }
  if (fields.mark.value) order.mark = fields.mark.value === "true";
  if (fields.open.checked) order.open = true;
  if (words(fields.ntp.value).length) order.ntp = words(fields.ntp.value);
  return order;
}

$("set-form").addEventListener("submit", (event) => {
  event.preventDefault();
  begin("set", settings());
});
$("set-try").addEventListener("click", () => begin("set", { ...settings(), only_try: true }));
$("factory-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("factory-names").value;
  begin("set", { factory: name ? [name] : [] });
});
$("reconcile-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  const order = { known_serials: words(fields.known_serials.value) };
  if (fields.adopt.value.trim()) order.adopt = fields.adopt.value.trim();
  begin("reconcile", order);
});

async function answer(typed) {
  const question = Number($("question").dataset.number);
  $("question-typed").value = "";
  $("question").hidden = true;
  await ask("/_panel/answers", { question, typed }).catch(complain);
}

$("question").addEventListener("submit", (event) => {
  event.preventDefault();
  answer($("question-typed").value);
});
$("question-no").addEventListener("click", () => answer(null));
$("release").addEventListener("click", () => {
  ask("/_panel/port", { release: state.port.state !== "released" }).catch(complain);
});

/* News ---------------------------------------------------------------------------------- */

function showState(news) {
  // Another panel by now: this page's token is the old one's.
  if (state && state.about.run !== news.about.run) location.reload();
  state = news;
  for (const [part, show] of Object.entries(SHOWN)) draw(part, state[part], show);
  showConsole(state.console);
  showHeadline(state);
  showTimes(state);
}

const { refresh } = follow("/_panel", showState, "the panel was stopped, trying again");
setInterval(refresh, 10000);
