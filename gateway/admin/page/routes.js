// A panel for each route: what is open, what is said, what ended and what is silent.

import {drawHistory, drawSilence, drawSpark, Series} from "./charts.js";
import {$, keyed, put, stamp} from "./dom.js";
import {clock, count, duration, rate} from "./words.js";

const opened = Date.now();
const seen = new Map();   // by route: the figures of the last poll, and the two series of rates
const panels = new Map(); // by route: the parts of its panel
let histories = null;

// drawHistories keeps what has ended; it is asked for less often than the rest.
export function drawHistories(answer) {
  histories = answer;
  for (const [name, parts] of panels) drawPast(name, parts);
}

function drawPast(name, parts) {
  const mine = histories?.histories?.find((history) => history.route === name);
  if (histories) drawHistory(parts.history, parts.legend, mine, histories.now);
}

export function drawRoutes(answer) {
  const routes = answer.routes ?? [];
  for (const name of [...panels.keys()].filter((name) => !routes.some((route) => route.name === name))) {
    panels.delete(name);
    seen.delete(name);
  }
  for (const route of routes) measure(route, Date.parse(answer.now));
  keyed($("route-list"), routes, (route) => route.name, make, fill);
}

function make(route) {
  const parts = stamp("route-template");
  put(parts.opened, `since ${clock(opened)}`);
  panels.set(route.name, parts);
  drawPast(route.name, parts);
  return parts;
}

function fill(parts, route) {
  put(parts.name, route.name);
  put(parts.path, `${(route.listen ?? []).join(", ")} → ${route.protocol} → ${route.upstream}`);
  put(parts.policy, `${route.kind} policy${route.policy ? " " + route.policy : " of its own"}`);
  put(parts.connections, count(route.connections));
  put(parts.limit, (route.limit ? `of ${count(route.limit)}` : "no limit") + nearest(route));
  const beats = route.client_heartbeats ? `; ${count(route.client_heartbeats)} of ${count(route.client_messages)} client messages were heartbeats` : "";
  put(parts.counts, `${count(route.opened)} opened in all${beats}`);
  put(parts.refused, tally("refused", route.refused));
  const observed = (route.timeouts ?? []).filter((timeout) => timeout.action === "observed");
  put(parts.observed, tally("dry run", Object.fromEntries(observed.map((t) => [t.timeout, t.count]))));
  drawRates(parts, route);
}

function tally(word, figures) {
  const all = Object.entries(figures ?? {}).filter(([, n]) => n > 0);
  return all.length === 0 ? "" : `${word}: ${all.map(([name, n]) => `${name} ${count(n)}`).join(", ")}`;
}

// measure takes rates from what has been counted since the last poll. A count that went back began again.
function measure(route, now) {
  const last = seen.get(route.name);
  const mine = {
    now, client: route.client_messages, upstream: route.upstream_messages,
    fromClient: last?.fromClient ?? new Series(), fromUpstream: last?.fromUpstream ?? new Series(),
  };
  seen.set(route.name, mine);
  const seconds = (now - last?.now) / 1000;
  if (!(seconds > 0) || mine.client < last.client || mine.upstream < last.upstream) return;
  mine.clientRate = (mine.client - last.client) / seconds;
  mine.upstreamRate = (mine.upstream - last.upstream) / seconds;
  mine.fromClient.add(mine.clientRate);
  mine.fromUpstream.add(mine.upstreamRate);
}

function drawRates(parts, route) {
  const mine = seen.get(route.name);
  put(parts["client-rate"], rate(mine.clientRate));
  put(parts["upstream-rate"], rate(mine.upstreamRate));
  const most = Math.max(0, ...mine.fromClient.points, ...mine.fromUpstream.points);
  drawSpark(parts["client-spark"], mine.fromClient, most, "From client", opened);
  drawSpark(parts["upstream-spark"], mine.fromUpstream, most, "From upstream", opened);
}

// drawSilences needs the routes too, for the lines at which silence is cut.
export function drawSilences(answer, routes) {
  for (const silence of answer.silences ?? []) {
    const route = routes.routes?.find((one) => one.name === silence.route);
    const parts = panels.get(silence.route);
    if (!route || !parts) continue;
    put(parts.due, count(silence.due));
    parts.due.classList.toggle("warn", silence.due > 0);
    drawSilence(parts.silence, silence, cutLines(route));
    put(parts.reading, reading(route));
  }
}

function cutLines(route) {
  const lines = [
    {at: route.dry_run_idle_timeout_seconds, name: "dry run", kind: "dry-run"},
    {at: route.idle_timeout_seconds, name: route.idle_timeout_negotiated ? "idle_timeout otherwise" : "idle_timeout", kind: "cut"},
    {at: route.deadline_seconds, name: "deadline", kind: "end"},
  ];
  return lines.filter((line) => line.at);
}

function reading(route) {
  if (route.deadline_seconds) return `Each ends ${duration(route.deadline_seconds)} after it came, whatever it does.`;
  if (route.idle_timeout_seconds) return "Hatched: silent past 80 % of idle_timeout.";
  return "No idle_timeout is in force: silence ends none of them.";
}

// nearest says how near the fullest source is to what one may have.
function nearest(route) {
  return route.source_limit && route.fullest_source ? `; ${route.fullest_source} has ${count(route.fullest_source_connections)} of ${count(route.source_limit)}` : "";
}
