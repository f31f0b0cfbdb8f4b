// The endpoints: those that need a look as rows with all that is known, the others by upstream, a line each.

import {order} from "./gateway.js";
import {$, confirmable, el, hidden, hold, inPlace, keyed, mark, put, putAddress, stamp} from "./dom.js";
import {openLever} from "./levers.js";
import {count, counted, since} from "./words.js";

const few = 12; // endpoints that have a row each, however well they are

const kinds = {active: "good", backup: "plain", failing: "warn", down: "bad", "down by hand": "bad", "up by hand": "warn", ejected: "bad", unresolved: "bad", draining: "warn", removed: "plain"};
const failures = {refused: "refused", timeout: "timed out", failed: "failed", local: "no port or descriptor"};
const chosen = new Set(); // upstreams that somebody wants as rows
let latest = null;
const isAimed = hold($("endpoint-rows"), () => latest && drawUpstreams(...latest));

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
  if (endpoint.failures > 0) parts.push(`${endpoint.last_error}, ${endpoint.failures === 1 ? "once" : `${endpoint.failures} times in a row`}`);
  if (endpoint.ejected_until) {
    const left = Date.parse(endpoint.ejected_until) - Date.parse(now);
    parts.push(left > 0 ? `to be probed in ${Math.ceil(left / 1000)}s` : "the next connection probes it");
  }
  if (endpoint.check) parts.push(checked(endpoint.check, now));
  const hand = endpoint.by_hand;
  if (hand && hand.state !== "auto") parts.push(`${hand.state} by hand for ${since(hand.state_since, now)}`);
  if (hand?.weight) parts.push(`weight ${hand.weight} set by hand ${since(hand.weight_since, now)} ago`);
  if (endpoint.slow_until) parts.push(`starts slowly for ${since(now, endpoint.slow_until)} more`);
  if (endpoint.resolved && endpoint.resolved !== endpoint.address) parts.push(`at ${endpoint.resolved}`);
  return parts.join("; ");
}

// checked says what health checks found. The last failure stays to be read when it is over.
function checked(check, now) {
  const state = check.since ? `health checks: ${check.state} for ${since(check.since, now)}` : "health checks: none yet";
  return check.last_error ? `${state}, last failure ${since(check.last_error_at, now)} ago: ${check.last_error}` : state;
}

const keyOf = ({upstream, endpoint}) => `${upstream.name} ${endpoint.address}`;

// drawUpstreams takes now from the gateway, whose clock dated the attempts.
export function drawUpstreams(answer, now, refresh) {
  latest = [answer, now, refresh];
  const upstreams = answer.upstreams ?? [];
  const all = upstreams.flatMap((upstream) => (upstream.endpoints ?? []).map((endpoint) => ({upstream, endpoint})));
  const aimed = isAimed(), there = new Set(aimed ? [...$("endpoint-rows").children].map((row) => row.dataset.key) : []);
  const isRow = (one) => all.length <= few || chosen.has(one.upstream.name) || !isFine(one.endpoint) || there.has(keyOf(one));
  const rows = aimed ? inPlace($("endpoint-rows"), all.filter(isRow), keyOf) : all.filter(isRow).sort((a, b) => rank(a.endpoint) - rank(b.endpoint));
  $("endpoint-table").hidden = rows.length === 0;
  keyed($("endpoint-rows"), rows, keyOf, (row) => make(row, refresh), (parts, row) => fill(parts, row, now));
  const fine = all.filter((one) => !isRow(one));
  $("fine").hidden = fine.length === 0;
  keyed($("fine-rows"), [...Map.groupBy(fine, (one) => one.upstream.name)], ([name]) => name, makeFine, fillFine);
  put($("endpoint-count"), `${count(all.filter((one) => one.endpoint.healthy).length)} of ${counted(all.length, "endpoint takes", "endpoints take")} new connections`);
  drawLookups(upstreams, now);
}

function isFine(endpoint) {
  return ["active", "backup"].includes(stateOf(endpoint)) && !endpoint.by_hand && !endpoint.slow_until;
}

function rank(endpoint) {
  return {bad: 0, warn: 1}[kinds[stateOf(endpoint)]] ?? 2;
}

function make({upstream, endpoint}, refresh) {
  const parts = stamp("endpoint-template");
  parts.draining = false;
  const about = `: endpoint ${endpoint.address} of ${upstream.name}`;
  parts.set.append(hidden(about));
  parts.set.onclick = () => openLever(upstream.name, parts.endpoint, refresh);
  parts.confirm = confirmable(parts.drain, () => parts.draining ? "Undrain" : "Drain", about,
    () => drain(upstream.name, endpoint.address, parts.draining, refresh));
  return parts;
}

function fill(parts, {upstream, endpoint}, now) {
  put(parts.upstream, upstream.name);
  parts.upstream.title = `${upstream.name}, balance ${upstream.balance}`;
  putAddress(parts.address, endpoint.address);
  const state = stateOf(endpoint);
  mark(parts.state, state, kinds[state]);
  const known = detail(endpoint, now) || (endpoint.last_connect ? "" : "not tried yet");
  put(parts.detail, known);
  put(parts.weight, endpoint.backup ? `${endpoint.weight}, backup` : endpoint.weight);
  put(parts.connections, count(endpoint.connections));
  put(parts.ok, count(endpoint.connects?.ok));
  const failed = Object.entries(failures).filter(([result]) => endpoint.connects?.[result] > 0).map(([result, words]) => `${count(endpoint.connects[result])} ${words}`).join(", ");
  put(parts.failed, failed || "–");
  parts.failed.title = failed;
  drawAttempt(parts.last, endpoint.last_connect, now);
  parts.endpoint = endpoint;
  const draining = state === "draining";
  if (draining !== parts.draining) {
    parts.draining = draining;
    parts.confirm.relabel();
  }
  parts.drain.hidden = parts.set.hidden = state === "removed";
}

function drawAttempt(cell, attempt, now) {
  const text = attempt ? `${attempt.result} ${since(attempt.at, now)} ago` : "none yet";
  put(cell, text);
  cell.className = attempt && attempt.result !== "ok" ? "bad" : "";
}

// makeFine is a line that becomes rows when it is pressed.
function makeFine([name]) {
  const parts = {
    dots: el("span.dots"), name: el("b", name), addresses: el("span.cut.code"), connections: el("span.figure.muted"),
  };
  const button = el("button.plain.fine", parts.dots, parts.name, parts.addresses, parts.connections);
  button.onclick = () => {
    chosen.add(name);
    drawUpstreams(...latest);
    [...$("endpoint-rows").children].find((row) => row.dataset.key.startsWith(name + " "))?.querySelector("button")?.focus();
  };
  parts.node = el("li", button);
  return parts;
}

function fillFine(parts, [name, all]) {
  const endpoints = all.map((one) => one.endpoint);
  dots(parts.dots, {endpoints});
  put(parts.addresses, endpoints.map((endpoint) => endpoint.address).join(", "));
  parts.addresses.title = `${name}: ${parts.addresses.textContent}`;
  put(parts.connections, `${count(endpoints.reduce((sum, endpoint) => sum + endpoint.connections, 0))} open`);
}

// drawLookups lists the names that do not resolve now, or not wholly.
function drawLookups(upstreams, now) {
  const failing = upstreams.flatMap((upstream) => (upstream.lookups ?? []).filter((lookup) => lookup.error || lookup.left_out).map((lookup) => ({upstream, lookup})));
  $("lookups").hidden = failing.length === 0;
  keyed($("lookups"), failing, ({upstream, lookup}) => `${upstream.name} ${lookup.name}`, () => ({node: el("li.warn")}), (parts, {upstream, lookup}) => {
    const at = lookup.at ? `last resolved ${since(lookup.at, now)} ago, ${count(lookup.found)} addresses known` : "never resolved";
    put(parts.node, `${lookup.name} of ${upstream.name}: ${lookup.error || `${count(lookup.left_out)} addresses left out`}; ${at}`);
  });
}

const mostDots = 12;

// dots draws the endpoints of an upstream as marks in a line, for the row of a route.
export function dots(node, upstream) {
  const all = (upstream?.endpoints ?? []).filter((endpoint) => !endpoint.removed);
  const key = all.map((endpoint) => `${endpoint.address} ${stateOf(endpoint)}`).join(", ");
  if (node.dataset.drawn === key) return;
  node.dataset.drawn = key;
  node.replaceChildren(...all.slice(0, mostDots).map((endpoint) => el(`span.mark.dot.${kinds[stateOf(endpoint)]}`, {title: `${endpoint.address} ${stateOf(endpoint)}`})),
    ...(all.length > mostDots ? [`+${all.length - mostDots}`] : []), hidden(` ${key}`));
}

async function drain(upstream, address, draining, refresh) {
  const path = `/upstreams/${encodeURIComponent(upstream)}/drain?${new URLSearchParams({endpoint: address})}`;
  const done = draining ? "gets connections again" : "gets no more connections; those it has end within drain_timeout";
  await order(path, draining ? "DELETE" : "POST", `${address} ${done}.`, `${address} was not ${draining ? "undrained" : "drained"}`);
  refresh();
}
