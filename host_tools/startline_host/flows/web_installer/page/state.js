// What a reader's events mean: one state, why, and what to do about it.

const STEPS = {
  link: "Joining the network", clock: "Setting the clock", tls: "Connecting to the cloud",
  attempt: "Asking the cloud to bind it", look: "Looking it up at the cloud", wait: "Waiting for the next attempt",
};
const NAMES = {
  "factory.serial": "serial number", "factory.model": "model", "claim.cloud": "cloud", "claim.base_url": "address of its cloud",
  "claim.key": "key", "tls.ca0": "CA certificate",
};

/** What is known of a reader so far. `take(event)` brings it up to date; `view()` says it to a person. */
export class ReaderState {
  constructor(words) {
    this.words = words;
    this.forget();
  }

  forget() {
    this.state = "";
    this.reason = this.serial = this.token = this.place = this.step = "";
    this.missing = [];
    this.isAsking = false; // a request is out, and its outcome is not recorded yet
  }

  take(event) {
    if (event.ev === "attempt") this.isAsking = true;
    else if (event.ev === "ready" || event.ev === "failed") this.isAsking = false;
    if (event.ev === "boot") this.forget();
    else if (event.ev === "identity") {
      this.serial = event.serial;
      this.place = event.base_url;
    } else if (event.ev === "unprovisioned") {
      this.missing = event.missing ?? [];
    } else if (event.ev === "failed") {
      this.reason = `${event.step} ${event.reason}`;
    } else if (event.ev === "ready") {
      this.state = event.state;
      this.reason = event.reason || this.reason;
      this.token = event.token;
      this.serial = event.serial || this.serial;
    }
    if (event.ev in STEPS) {
      this.state = "";
      this.step = STEPS[event.ev];
    } else if (event.ev === "boot") this.step = "Starting";
  }

  /** Say a reason as the command line does. */
  say(reason) {
    return this.words[reason] ?? reason.replaceAll("_", " ");
  }

  /** Return `{state, badge, headline, why, next}`. */
  view() {
    const who = this.serial || "This reader";
    const why = this.reason ? `Reason: ${this.say(this.reason)}.` : "";
    switch (this.state) {
      case "bound":
        return { state: "bound", badge: "bound", headline: `${who} is bound.`, next: "It is ready to time.",
          why: `Device id ${this.token}${this.place ? `, at ${this.place}` : ""}` };
      case "unbound":
        return { state: "unbound", badge: "not bound", headline: `${who} is not bound yet.`, why,
          next: this.reason.startsWith("link")
            ? "Set its Wi-Fi in step 1: it binds as soon as it reaches its cloud."
            : "It tries again at each start, and as soon as it gets a Wi-Fi." };
      case "unknown":
        return { state: "unknown", badge: "outcome unknown", headline: `${who} asked its cloud, and does not know the outcome.`, why,
          next: "It never asks a second time by itself. Settle it with: startline reconcile" };
      case "refused":
        return { state: "refused", badge: "refused", headline: `The cloud refused ${this.serial || "this reader"}.`, why,
          next: "Fix the cause at the cloud or in its settings, then restart it." };
      case "unprovisioned":
        return this.unprovisioned(who);
      default:
        return { state: "busy", badge: "listening", headline: this.step ? `${this.step} …` : "Listening …", why,
          next: this.step ? "" : "A reader reports its state when it starts. If it stays silent, restart it here, unless it is timing." };
    }
  }

  unprovisioned(who) {
    const names = this.missing.map((name) => NAMES[name] ?? name).join(", ");
    const blank = this.missing.includes("factory.serial");
    return {
      state: "unprovisioned",
      badge: "not provisioned",
      headline: blank ? "No identity: provision it." : `${who} is not fully provisioned.`,
      why: names ? `Missing: ${names}.` : "",
      next: "These are written over USB by whoever holds the cloud's key, with: startline provision. "
        + "The key is a secret, so no web page can bring it. A Wi-Fi can be set before or after.",
    };
  }
}
