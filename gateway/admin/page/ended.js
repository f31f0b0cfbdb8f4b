// The connections that ended last.

import {$, keyed, put, stamp} from "./dom.js";
import {paint} from "./reasons.js";
import {clock, passing} from "./words.js";

export function drawEnded(answer) {
  keyed($("ended-rows"), answer.ended ?? [], (one) => one.id, make, () => {}); // an end never changes
}

function make(one) {
  const parts = stamp("ended-template");
  paint(parts.swatch, one.reason);
  put(parts.at, clock(one.ended_at));
  put(parts.duration, passing(one.duration_seconds));
  put(parts.silence, passing(one.longest_silence_seconds));
  for (const name of ["id", "reason", "client", "route", "endpoint"]) {
    put(parts[name], one[name] || "–");
    parts[name].title = one[name];
  }
  return parts;
}
