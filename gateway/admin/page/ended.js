// The connections that ended last: asked for at first and whenever another filter is wanted, then told as they end.

import {follow, wanted} from "./address.js";
import {fillBoth} from "./connections.js";
import {showEnded} from "./details.js";
import {$, hidden, hold, keyed, put, stamp} from "./dom.js";
import {paint} from "./reasons.js";
import {isLive} from "./stream.js";
import {clock, passing} from "./words.js";

const most = 25, pace = 500; // rows; ms between two drawings while many end
let ended = [];       // the latest first
let due = true;       // they are to be asked for
const isAimed = hold($("ended-rows"), () => draw());
let demanded = false; // somebody wants others, and is to see them wherever the pointer is
let drawing = null;

// endedPath is what to ask for now; null: nothing, since ends are told.
export function endedPath() {
  return !due && isLive() ? null : path();
}

function path() {
  const given = Object.entries({route: wanted.route, reason: wanted.reason, limit: most}).filter(([, value]) => value !== "");
  return "/ended?" + new URLSearchParams(given);
}

// askEnded has them asked for again: some were not heard of.
export function askEnded() {
  due = true;
}

export function drawEnded(answer, asked) {
  if (asked !== path()) return; // another filter is wanted by now
  due = false;
  const known = new Set((answer.ended ?? []).map((one) => one.id));
  const newest = ended.filter((one) => !known.has(one.id) && passes(one) && isLive()); // told while they were asked for
  ended = [...newest, ...(answer.ended ?? [])].sort((a, b) => Date.parse(b.ended_at) - Date.parse(a.ended_at)).slice(0, most);
  put($("none-ended"), "None that fits.");
  draw(demanded);
  demanded = false;
}

// refuseEnded says why the gateway cannot tell those that are wanted.
export function refuseEnded(words) {
  ended = [];
  due = demanded = false;
  put($("none-ended"), words);
  draw(true);
}

// hearEnded takes one that has just ended.
export function hearEnded(one) {
  if (!passes(one)) return;
  ended = [one, ...ended.filter((other) => other.id !== one.id)].slice(0, most);
  drawing ??= setTimeout(() => {
    drawing = null;
    draw();
  }, pace);
}

const passes = (one) => (wanted.route === "" || one.route === wanted.route) && (wanted.reason === "" || one.reason === wanted.reason);

function draw(always = false) {
  if (isAimed() && !always) return; // rows hold still; it is drawn when the pointer leaves
  keyed($("ended-rows"), ended, (one) => one.id, make, () => {}); // an end never changes
  $("none-ended").hidden = ended.length > 0;
}

function make(one) {
  const parts = stamp("ended-template");
  paint(parts.swatch, one.reason);
  put(parts.at, clock(one.ended_at));
  parts.at.dateTime = one.ended_at;
  parts.id.append(hidden("Details of "), String(one.id));
  parts.id.onclick = () => showEnded(one);
  put(parts.duration, passing(one.duration_seconds));
  put(parts.silence, passing(one.longest_silence_seconds));
  put(parts.reason, one.reason);
  fillBoth(parts, one);
  return parts;
}

export function setUpEnded(refresh) {
  follow((changed) => {
    if (!changed.has("route") && !changed.has("reason")) return;
    due = demanded = true;
    refresh();
  });
}
