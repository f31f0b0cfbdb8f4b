// What can be set by hand beside routes: state and weight of an endpoint, in a dialog, and the level of the log.

import {$, notice, put} from "./dom.js";
import {order} from "./gateway.js";

let aim = null; // the endpoint that the dialog is about, and what is set of it

// openLever opens the dialog of an endpoint; refresh polls.
export function openLever(upstream, endpoint, refresh) {
  const {address, by_hand: hand, draining} = endpoint;
  aim = {upstream, address, refresh, state: hand?.state ?? (draining ? "drain" : "auto"), weight: String(hand?.weight ?? "")};
  put($("lever-title"), `Endpoint ${address} of ${upstream}`);
  put($("lever-fate"), "");
  for (const name of ["state", "weight"]) $(`lever-${name}`).value = aim[name];
  $("lever").showModal();
}

async function setEndpoint() {
  const {upstream, address, refresh} = aim;
  const changed = ["state", "weight"].map((name) => [name, $(`lever-${name}`).value]).filter(([name, value]) => value !== aim[name]);
  const change = changed.map(([name, value]) => [name, value || "file"]); // no weight is that of the file
  const path = `/upstreams/${encodeURIComponent(upstream)}/endpoint?${new URLSearchParams([["endpoint", address], ...change])}`;
  if (change.length === 0 || await order(path, "POST", "", "Nothing was set")) {
    $("lever").close();
    if (change.length > 0) notice(`${address} by hand: ${change.map((pair) => pair.join(" ")).join(", ")}.`);
  }
  refresh();
}

// drawLevel shows the level of the log that is set by hand. One that is chosen and not yet set stays chosen.
export function drawLevel(hands) {
  const hand = hands.find((one) => one.call === "DELETE /log");
  const level = hand ? hand.what.split(" ").at(-1).toLowerCase() : "";
  if ($("log-level").dataset.told !== level) $("log-level").value = $("log-level").dataset.told = level;
}

async function setLevel(refresh) {
  const level = $("log-level").value;
  const done = level ? `The log has lines of level ${level} and above.` : "The log has the level of the file.";
  const set = await order(level ? `/log?level=${level}` : "/log", level ? "POST" : "DELETE", done, "The level of the log is as it was");
  if (!set) $("log-level").value = $("log-level").dataset.told;
  refresh();
}

export function setUpLevers(refresh) {
  for (const [form, act] of [["lever-form", setEndpoint], ["log-form", () => setLevel(refresh)]]) {
    $(form).onsubmit = (event) => {
      event.preventDefault();
      act();
    };
  }
  $("lever-leave").onclick = () => $("lever").close();
}
