// The table of routes, the worst first: a line each, and a card below those that are unfolded.

import {address, follow, unfold, unfolded, wanted, want} from "./address.js";
import {alarmsOf, handOf} from "./alarms.js";
import {fillCard, makeCard} from "./card.js";
import {drawSpark, drawStack, inWords, totalsOf} from "./charts.js";
import {$, el, fillBar, hold, inPlace, keyed, mark, put, stamp} from "./dom.js";
import {hourOf, total} from "./hour.js";
import {dots} from "./upstreams.js";
import {count, rate, tally} from "./words.js";

const most = 60; // routes that are listed before somebody asks for all

const seen = new Map(); // by route: the figures of the last poll
let latest = null;      // what was told last: {routes, upstreams, refresh}
const isAimed = hold($("route-rows"), () => latest && draw());

// drawRoutes draws the lines, and cards where there are any. While a pointer is over them their order waits.
export function drawRoutes(answer, upstreams, refused, refresh) {
  const routes = answer.routes ?? [];
  for (const name of [...seen.keys()]) if (!routes.some((route) => route.name === name)) seen.delete(name);
  for (const route of routes) measure(route, Date.parse(answer.now));
  latest = {routes, upstreams: upstreams ?? latest?.upstreams, refresh};
  draw();
  drawRefused(refused);
}

function draw() {
  const {routes, upstreams, refresh} = latest;
  const open = opened();
  const ranked = isAimed() ? inPlace($("route-rows"), routes, (route) => route.name) : worstFirst(routes);
  const shown = wanted.all ? ranked : ranked.filter((route, i) => i < most || open.has(route.name));
  const items = shown.flatMap((route) => open.has(route.name) ? [{route}, {route, card: true}] : [{route}]);
  keyed($("route-rows"), items, ({route, card}) => (card ? "card " : "") + route.name,
    ({route, card}) => card ? makeCard(route, refresh) : make(route, refresh),
    (parts, {route, card}) => card ? fillCard(parts, route, seen.get(route.name)) : fill(parts, route, upstreams, open.has(route.name)));
  $("more-routes").hidden = routes.length <= most;
  put($("more-routes"), wanted.all ? `Show the ${most} worst only` : `Show all ${count(routes.length)} routes`);
  put($("route-count"), routes.length === 0 ? "none" : `${count(shown.length)} of ${count(routes.length)}, the worst first`);
}

// opened are the routes that are unfolded. One that is alone is, unless somebody has folded it.
function opened() {
  return wanted.open === "" && latest.routes.length === 1 ? new Set([latest.routes[0].name]) : unfolded();
}

// openCards are the routes whose cards are to be seen.
export function openCards() {
  return latest ? [...opened()].filter((name) => latest.routes.some((route) => route.name === name)) : [];
}

// badness ranks a route: by what is wrong with it, then by whether it turns clients away or fails them in this hour.
function badness(route) {
  const levels = alarmsOf(route).map((alarm) => alarm.level);
  const hour = hourOf(route.name);
  return (levels.includes("error") ? 100 : levels.length > 0 ? 50 : 0) + (handOf(route.name) ? 20 : 0) +
    (total(hour, "connect_failures") > 0 ? 4 : 0) + (total(hour, "refused") > 0 ? 2 : 0) + (fullness(route) > 0.8 ? 8 : 0);
}

const fullness = (route) => route.limit ? route.connections / route.limit : 0;

// worstFirst leaves those that are equally bad in the order of the file.
function worstFirst(routes) {
  const ranks = new Map(routes.map((route) => [route, badness(route)]));
  return routes.toSorted((a, b) => ranks.get(b) - ranks.get(a));
}

function make(route, refresh) {
  const parts = stamp("route-template");
  parts.fold.onclick = () => {
    const on = parts.fold.getAttribute("aria-expanded") !== "true";
    unfold(route.name, on);
    if (!on && wanted.open === "") want({open: latest.routes.length === 1 ? "-" : ""}, true);
    draw();
    refresh();
  };
  parts.connections.href = address({route: route.name, page: "1"}) + "#connections";
  parts.connections.onclick = (event) => {
    event.preventDefault();
    want({route: route.name, endpoint: "", page: "1"});
    $("connections").scrollIntoView();
    $("connections").focus({preventScroll: true});
  };
  return parts;
}

function fill(parts, route, upstreams, open) {
  put(parts.name, route.name);
  parts.fold.title = route.name;
  parts.fold.setAttribute("aria-expanded", String(open));
  drawState(parts.state, route);
  put(parts.connections, count(route.connections));
  put(parts.limit, route.limit ? ` / ${count(route.limit)}` : "");
  fillBar(parts["open-bar"], fullness(route));
  const mine = seen.get(route.name);
  put(parts["client-rate"], rate(mine.clientRate));
  put(parts["upstream-rate"], rate(mine.upstreamRate));
  drawPast(parts, route);
  put(parts.upstream, route.upstream);
  parts.upstream.title = route.upstream;
  dots(parts.dots, upstreams?.find((upstream) => upstream.name === route.upstream));
}

// drawPast shows the hour in a line.
function drawPast(parts, route) {
  const hour = hourOf(route.name);
  const peaks = hour.minutes.slice(0, -1).map((minute) => minute?.messages_peak_per_second ?? 0); // the running one is not over
  drawSpark(parts.spark, peaks, `Messages a second in the last hour: at most ${count(Math.max(...peaks))}`);
  const totals = totalsOf(hour), ended = Object.values(totals).reduce((a, b) => a + b, 0);
  put(parts.ended, count(ended));
  drawStack(parts.stack, totals);
  parts.stack.setAttribute("aria-label", inWords(totals));
  figure(parts.refused, total(hour, "refused"));
  figure(parts.failed, total(hour, "connect_failures"));
}

function figure(cell, n) {
  put(cell, n > 0 ? count(n) : "–");
  cell.classList.toggle("warn", n > 0);
}

const words = {
  upstream_out: "no endpoint", route_full: "full", refusals: "refuses", late: "late", endpoint_down: "endpoint down",
  endpoint_ejected: "endpoint ejected", endpoint_unresolved: "unresolved", endpoint_failing: "endpoint fails",
};

function drawState(node, route) {
  const [worst] = alarmsOf(route), hand = handOf(route.name);
  const isError = worst?.level === "error", wrong = worst && (words[worst.kind] ?? worst.kind.replaceAll("_", " "));
  const said = isError && hand ? `${hand}, ${wrong}` : hand ? `${hand} by hand` : wrong ?? "ok";
  mark(node, said, isError ? "bad" : said === "ok" ? "good" : "warn");
  node.title = [said, ...alarmsOf(route).map((alarm) => alarm.text)].join("\n");
}

// measure takes rates from what has been counted since the last poll. A count that went back began again.
function measure(route, now) {
  const last = seen.get(route.name);
  const mine = {now, client: route.client_messages, upstream: route.upstream_messages, clientRate: last?.clientRate, upstreamRate: last?.upstreamRate};
  seen.set(route.name, mine);
  const seconds = (now - last?.now) / 1000;
  if (!(seconds > 0) || mine.client < last.client || mine.upstream < last.upstream) return;
  mine.clientRate = (mine.client - last.client) / seconds;
  mine.upstreamRate = (mine.upstream - last.upstream) / seconds;
}

// drawRefused shows how many clients were refused before they had a route.
function drawRefused(refused) {
  const causes = tally(refused);
  $("unrouted").hidden = causes === "";
  $("unrouted").replaceChildren("Refused before a route was chosen (route ", el("code", "none"), `): ${causes}`);
}

export function setUpRoutes() {
  $("more-routes").onclick = () => want({all: wanted.all ? "" : "1"});
  follow((changed) => latest && (changed.has("open") || changed.has("all")) && draw());
}
