// The gateway as a whole: who it is, how full it is, which policy is in force.

import {$, fillBar, mark, put} from "./dom.js";
import {bytes, count, lasting, setZone, since} from "./words.js";

let version; // of the gateway that the page came from

export function drawStatus(status) {
  version ??= status.version;
  $("renewed").hidden = status.version === version;
  setZone(status.now);
  put($("version"), status.version);
  put($("host"), status.host || "host without a name");
  $("host").title = status.host;
  put($("zone"), status.time_zone);
  const state = !status.ready ? `not ready: ${status.reason}` : status.accept_paused ? "full: new clients wait" : "ready";
  mark($("ready"), state, state === "ready" ? "good" : "warn");
  put($("uptime"), `started ${since(status.started_at, status.now)} ago`);
  drawFigures(status);
  const config = status.config;
  put($("generation"), config.generation);
  put($("loaded"), lasting(config.loaded_at, status.now));
  document.body.classList.toggle("viewer", status.viewer);
  $("viewer").hidden = !status.viewer;
  $("log-level").disabled = status.viewer;
  document.title = title(status);
}

function drawFigures(status) {
  put($("open"), count(status.connections));
  put($("max"), count(status.connections_max));
  fillBar($("open-bar"), status.connections / Math.max(1, status.connections_max));
  put($("buffer"), bytes(status.buffer_bytes));
  $("drops").hidden = !status.log_dropped;
  put($("dropped"), count(status.log_dropped));
}

// title says in a row of tabs which gateway this is and whether all is well.
function title(status) {
  const wrong = (status.alarms ?? []).length;
  const who = status.host ? `${status.host} · idlegate` : "idlegate";
  return `${wrong > 0 ? `${wrong} wrong · ` : ""}${count(status.connections)} open · ${who} ${status.version}`;
}
