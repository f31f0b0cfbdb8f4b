// All that is known of one route: its limits, its hour, the silence of its open connections, and what can be done to it by hand.

import {handOf} from "./alarms.js";
import {drawEnds, drawHour} from "./charts.js";
import {confirmable, put, stamp} from "./dom.js";
import {order} from "./gateway.js";
import {hourOf} from "./hour.js";
import {drawSilence} from "./silence.js";
import {bytes, count, duration, rate, tally} from "./words.js";

let silences = new Map(); // by route: what was told last

// keepSilences takes what is to be drawn with the cards.
export function keepSilences(answer) {
  silences = new Map((answer.silences ?? []).map((silence) => [silence.route, silence]));
}

export function makeCard(route, refresh) {
  const card = stamp("card-template");
  card.node.dataset.route = route.name;
  card.hand = "";
  const about = `: route ${route.name}`;
  card.confirm = [
    confirmable(card.stop, () => card.hand ? "Start again" : "Stop", about, () => act(route.name, "stop", card.hand !== "", refresh)),
    confirmable(card.drain, () => "Drain", about, () => act(route.name, "drain", false, refresh)),
  ];
  return card;
}

async function act(route, deed, undo, refresh) {
  const done = undo ? "takes clients again" : deed === "stop" ? "takes no more clients; those it has stay" : "takes no more clients; those it has end within drain_timeout";
  await order(`/routes/${encodeURIComponent(route)}/${deed}`, undo ? "DELETE" : "POST", `Route ${route} ${done}.`, `Route ${route} is as it was`);
  refresh();
}

// rates are those of messages, by side.
export function fillCard(card, route, {clientRate, upstreamRate}) {
  put(card.path, `${(route.listen ?? []).join(", ")} → ${route.protocol} → ${route.upstream}`);
  put(card.policy, `${route.kind} policy ${route.policy || "of its own"}`);
  put(card.limit, limits(route));
  put(card.rates, `messages/s: ${rate(clientRate)} from clients, ${rate(upstreamRate)} from ${route.upstream}`);
  const beats = route.client_heartbeats ? `; ${count(route.client_heartbeats)} of ${count(route.client_messages)} client messages were heartbeats` : "";
  put(card.counts, `${count(route.opened)} opened in all${beats}`);
  put(card.refused, after("refused: ", tally(route.refused)));
  const observed = (route.timeouts ?? []).filter((timeout) => timeout.action === "observed");
  put(card.observed, after("dry run: ", tally(Object.fromEntries(observed.map((t) => [t.timeout, t.count])))));
  const hand = handOf(route.name);
  if (hand !== card.hand) {
    card.hand = hand;
    for (const button of card.confirm) button.relabel();
  }
  card.drain.hidden = hand === "draining";
  drawCharts(card, route);
  drawNowSilent(card, route);
}

const after = (lead, words) => words && lead + words;

function limits(route) {
  const parts = [route.limit ? `${count(route.connections)} of ${count(route.limit)} connections open` : `${count(route.connections)} connections open, no limit`];
  if (route.source_limit) {
    const near = route.fullest_source ? `; ${route.fullest_source} has ${count(route.fullest_source_connections)}` : "";
    parts.push(`${count(route.source_limit)} for each source${near}`);
  }
  if (route.accept_limit) parts.push(`${count(route.accept_limit)} accepted a second`);
  return parts.join(" · ");
}

function drawCharts(card, route) {
  const hour = hourOf(route.name);
  const key = JSON.stringify([hour.start, hour.minutes.at(-1), hour.minutes.at(-2)]);
  if (card.drawn === key) return;
  card.drawn = key;
  const of = (member, kind) => (minute) => [{n: minute?.[member] ?? 0, kind}];
  const peak = (chart, member, kind, say, name) => drawHour(chart, hour.minutes.map(of(member, kind)), hour, {
    say, words: (i) => say(hour.minutes[i]?.[member] ?? 0), summary: `${name}, by minute in the last hour`,
  });
  peak(card.opens, "open_max", "calm", (n) => `${count(n)} open`, "The most that were open at once");
  peak(card.messages, "messages_peak_per_second", "from-client", (n) => `${count(n)} messages/s`, "The most messages in a second, both ways");
  peak(card.volume, "bytes_peak_per_second", "from-upstream", (n) => `${bytes(n)}/s`, "The most bytes in a second, both ways");
  drawArrivals(card.arrivals, hour);
  drawEnds(card.history, card.legend, hour);
}

// drawArrivals stacks the clients of each minute by what became of them at once.
function drawArrivals(chart, hour) {
  const parts = [["opened", "calm"], ["refused", "refused"], ["connect_failures", "failed"]];
  const words = (i) => `${count(hour.minutes[i]?.opened)} opened, ${count(hour.minutes[i]?.refused)} refused, ${count(hour.minutes[i]?.connect_failures)} found no endpoint`;
  const of = (minute, member) => member === "opened" ? Math.max(0, (minute?.opened ?? 0) - (minute?.connect_failures ?? 0)) : minute?.[member] ?? 0;
  drawHour(chart, hour.minutes.map((minute) => parts.map(([member, kind]) => ({n: of(minute, member), kind}))), hour, {
    say: (n) => `${count(n)} a minute`, words, summary: "Clients that came, by minute in the last hour",
  });
}

function drawNowSilent(card, route) {
  const silence = silences.get(route.name);
  if (!silence) return;
  put(card.due, count(silence.due));
  card.due.classList.toggle("warn", silence.due > 0);
  drawSilence(card.silence, silence, cutLines(route));
  put(card.reading, reading(route));
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
