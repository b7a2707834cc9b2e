/* Sessions: their list, and of one its passings, gaps, doubles and curve ---------------------- */

let openSession = null;

function showSessions(sessions) {
  sync($("sessions"), sessions, (one) => one.token, (row, one) => {
    put(put(row, "td"), "span", "", { class: "badge" });
    const button = put(put(row, "td"), "button", one.alias || one.token.slice(0, 8), {
      type: "button", class: "row", "aria-controls": "passings", "aria-expanded": "false",
    });
    button.addEventListener("click", () => openPassings(one.token === openSession ? null : one));
    put(row, "td", one.serial);
    put(put(row, "td", "", { "data-label": "since" }), "time", clock(one.created), {});
    put(row, "td", "", { class: "number", "data-label": "passings" });
    const close = put(put(row, "td"), "button", "Close", {
      type: "button", class: "quiet small", "aria-label": `Close ${one.alias || one.token.slice(0, 8)}`,
      title: "Close it as somebody with the vendor's app would",
    });
    close.addEventListener("click", () => closeSession(one.token));
  }, (row, one) => {
    row.lastChild.firstChild.hidden = !one.active;
    say(row.children[0].firstChild, one.active ? "active" : "closed");
    row.children[0].firstChild.dataset.kind = one.active ? "good" : "plain";
    row.querySelector("button.row").setAttribute("aria-expanded", String(one.token === openSession));
    say(row.children[4], one.passings);
  });
  say($("sessions-count"), sessions.length || "");
  $("sessions-empty").hidden = sessions.length > 0;
  if (openSession && !sessions.some((one) => one.token === openSession)) openPassings(null);
}

async function closeSession(token) {
  try {
    await ask(`/_page/sessions/${token}/close`, {});
  } catch (error) {
    say($("news"), error.message);
  }
}

function openPassings(session) {
  openSession = session?.token ?? null;
  $("passings").hidden = !session;
  if (session) {
    say($("passings-title"), `Passings of ${session.alias || session.token.slice(0, 8)}`);
    $("passing-rows").replaceChildren();
    showPassings().catch((error) => say($("news"), error.message));
  }
  for (const button of document.querySelectorAll("#sessions button.row")) {
    const isOpen = button.closest("tr").dataset.key === openSession;
    button.setAttribute("aria-expanded", String(isOpen));
  }
}

async function showPassings() {
  const token = openSession;
  const { passings, numbers, curve } = await ask(`/_page/sessions/${token}`);
  if (token !== openSession) return;
  showNumbers(numbers);
  showCurve(curve, numbers.total);
  sync($("passing-rows"), passings, (one) => one.id,
    (row, one) => {
      put(row, "td", one.num_passing, { class: "number", "data-label": "number" });
      put(put(row, "td", "", { "data-label": "bib" }), "strong", one.bib);
      put(row, "td", one.timestamp, { class: "mono when" });
      put(row, "td", one.chip, { class: "mono" });
      put(put(row, "td", "", { "data-label": "arrived" }), "time", clock(one.received), {
        datetime: one.received,
      });
      put(row.children[1], "span", "", { class: "badge" });
    }, (row, one) => {
      const badge = row.children[1].lastChild;
      badge.hidden = one.times === 1;
      badge.dataset.kind = "bad";
      say(badge, `${one.times} times`);
    }, $("passing-rows").childElementCount > 0);
  $("passings-empty").hidden = passings.length > 0;
}

function showNumbers(numbers) {
  const range = ([first, last]) => (first === last ? `${first}` : `${first} to ${last}`);
  const more = (count) => (count > 0 ? `, and ${count} more` : "");
  const gaps = numbers.gaps.map(range).join(", ") + more(numbers.more_gaps);
  const doubles = numbers.doubles.map(([number, times]) => `${number} (${times} times)`).join(", ")
    + more(numbers.doubled - numbers.doubles.length);
  $("numbers").replaceChildren();
  if (!numbers.total) return;
  for (const [name, value, isBad] of [
    ["Numbers", `1 to ${numbers.last}, ${numbers.total} ${numbers.total === 1 ? "passing" : "passings"}`],
    ["Gaps", gaps ? `${numbers.missing} missing: ${gaps}` : "none", gaps],
    ["Doubles", doubles || "none", doubles],
  ]) {
    put($("numbers"), "dt", name);
    put($("numbers"), "dd", value, isBad ? { class: "problem" } : {});
  }
}

/* Both lines are steps from left to right, in a picture of 1000 by 200 that is stretched. */
function stepPath(points, seconds, most) {
  if (!points.length) return "";
  const x = (second) => (seconds ? (second / seconds) * 1000 : 0).toFixed(1);
  const y = (count) => (198 - (count / most) * 194).toFixed(1);
  return `M${x(points[0][0])} ${y(0)}`
    + points.map(([second, count]) => `H${x(second)}V${y(count)}`).join("") + "H1000";
}

function showCurve(curve, total) {
  $("curve").hidden = !total;
  if (!total) return;
  $("curve-line-passed").setAttribute("d", stepPath(curve.passed, curve.seconds, total));
  $("curve-line-arrived").setAttribute("d", stepPath(curve.arrived, curve.seconds, total));
  $("curve-arrived").hidden = !curve.arrived.length;
  say($("curve-most"), total);
  const moment = (iso) => new Date(iso).toLocaleString();
  say($("curve-begins"), moment(curve.begins));
  say($("curve-ends"), moment(curve.ends));
  $("curve-picture").setAttribute(
    "aria-label", `${total} passings from ${moment(curve.begins)} to ${moment(curve.ends)}`,
  );
}
