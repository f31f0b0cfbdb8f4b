// The endpoints, and the buttons that drain them.

import {ask, why} from "./gateway.js";
import {$, confirmable, hidden, keyed, mark, notice, put, putAddress, stamp} from "./dom.js";
import {count, since} from "./words.js";

const kinds = {active: "good", backup: "plain", failing: "warn", down: "bad", "down by hand": "bad", "up by hand": "warn", ejected: "bad", unresolved: "bad", draining: "warn", removed: "plain"};
const results = {ok: "good", refused: "bad", timeout: "bad", failed: "bad"};

// stateOf puts the facts about an endpoint into one word, the one that says most about what it gets.
export function stateOf(endpoint) {
  if (endpoint.removed) return "removed";
  if (endpoint.draining) return "draining";
  if (!endpoint.resolved) return "unresolved";
  if (["up", "down"].includes(endpoint.by_hand?.state)) return `${endpoint.by_hand.state} by hand`;
  if (endpoint.check?.state === "down") return "down";
  if (endpoint.ejected_until) return "ejected";
  if (endpoint.failures > 0) return "failing";
  return endpoint.backup ? "backup" : "active";
}

// detail says what the word leaves out.
export function detail(endpoint, now) {
  const parts = [];
  if (endpoint.backup) parts.push("backup");
  const hand = endpoint.by_hand;
  if (hand?.weight) parts.push(`weight ${hand.weight} set by hand ${since(hand.weight_since, now)} ago`);
  if (hand && hand.state !== "auto") parts.push(`${hand.state} by hand for ${since(hand.state_since, now)}`);
  if (endpoint.check) parts.push(checked(endpoint.check, now));
  if (endpoint.slow_until) parts.push(`starts slowly for ${since(now, endpoint.slow_until)} more`);
  if (endpoint.failures > 0) parts.push(`failures in a row: ${endpoint.failures}, the last: ${endpoint.last_error}`);
  if (endpoint.ejected_until) {
    const left = Date.parse(endpoint.ejected_until) - Date.parse(now);
    parts.push(left > 0 ? `to be probed in ${Math.ceil(left / 1000)}s` : "the next connection probes it");
  }
  return parts.join("; ");
}

// checked says what health checks found. The last failure stays to be read when it is over.
function checked(check, now) {
  const state = check.since ? `health checks: ${check.state} for ${since(check.since, now)}` : "health checks: none yet";
  return check.last_error ? `${state}, last failure ${since(check.last_error_at, now)} ago: ${check.last_error}` : state;
}

// drawUpstreams takes now from the gateway, whose clock dated the attempts.
export function drawUpstreams(answer, now, refresh) {
  const rows = (answer.upstreams ?? []).flatMap((upstream) => (upstream.endpoints ?? []).map((endpoint) => ({upstream, endpoint})));
  keyed($("endpoint-rows"), rows, ({upstream, endpoint}) => `${upstream.name} ${endpoint.address}`,
    (row) => make(row, refresh), (parts, row) => fill(parts, row, now));
}

function make({upstream, endpoint}, refresh) {
  const parts = stamp("endpoint-template");
  parts.draining = false;
  const about = hidden(`: endpoint ${endpoint.address} of ${upstream.name}`);
  parts.confirm = confirmable(parts.drain, () => [parts.draining ? "Undrain" : "Drain", about.cloneNode(true)],
    () => [parts.draining ? "Undrain? yes" : "Drain? yes", about.cloneNode(true)],
    () => drain(upstream.name, endpoint.address, parts.draining, refresh));
  return parts;
}

function fill(parts, {upstream, endpoint}, now) {
  put(parts.upstream, upstream.name);
  parts.upstream.title = upstream.name;
  putAddress(parts.address, endpoint.address);
  const state = stateOf(endpoint);
  mark(parts.state, state, kinds[state]);
  parts.state.title = detail(endpoint, now);
  put(parts.connections, count(endpoint.connections));
  for (const result of Object.keys(results)) put(parts[result], count(endpoint.connects?.[result]));
  drawAttempt(parts.last, endpoint.last_connect, now);
  const draining = state === "draining";
  if (draining !== parts.draining) {
    parts.draining = draining;
    parts.confirm.relabel();
  }
  parts.drain.hidden = state === "removed";
}

function drawAttempt(cell, attempt, now) {
  const text = attempt ? `${attempt.result} ${since(attempt.at, now)} ago` : "none yet";
  put(cell, text);
  cell.className = attempt && attempt.result !== "ok" ? "bad" : "";
}

async function drain(upstream, address, draining, refresh) {
  const path = `/upstreams/${encodeURIComponent(upstream)}/drain?${new URLSearchParams({endpoint: address})}`;
  try {
    await ask(path, draining ? "DELETE" : "POST");
    notice(draining ? `${address} gets connections again.` : `${address} gets no more connections; those it has end within drain_timeout.`);
  } catch (error) {
    notice(`${address} was not ${draining ? "undrained" : "drained"}: ${why(error)}.`, true);
  }
  refresh();
}
