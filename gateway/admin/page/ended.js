// The connections that ended last.

import {$, keyed, put, putAddress, stamp} from "./dom.js";
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
  putAddress(parts.client, one.client);
  putAddress(parts.endpoint, one.endpoint || "–");
  for (const name of ["id", "reason", "route"]) put(parts[name], one[name]);
  parts.route.title = one.route;
  return parts;
}
