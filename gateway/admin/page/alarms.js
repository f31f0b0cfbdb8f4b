// What is wrong now, since when, and what to do about it; and what is set by hand, with a button that undoes it.

import {order} from "./gateway.js";
import {$, confirmable, el, keyed, mark, put} from "./dom.js";
import {counted, lasting} from "./words.js";

const most = 5; // alarms that are listed before somebody asks for all
let all = false;
let latest = null;

const kinds = {error: "bad", warning: "warn"};

export function drawNow(status, refresh) {
  latest = status;
  drawAlarms(status.alarms ?? [], status.now);
  drawHands(status.by_hand ?? [], status.now, refresh);
}

function drawAlarms(alarms, now) {
  const worst = alarms.some((alarm) => alarm.level === "error") ? "bad" : alarms.length > 0 ? "warn" : "good";
  mark($("verdict"), alarms.length === 0 ? "Nothing is wrong" : `${counted(alarms.length, "thing is", "things are")} wrong`, worst);
  $("now").dataset.worst = worst;
  const shown = all ? alarms : alarms.slice(0, most);
  keyed($("alarms"), shown, (alarm) => [alarm.kind, alarm.route, alarm.upstream, alarm.endpoint, alarm.certificate].join(" "), makeAlarm,
    (parts, alarm) => fillAlarm(parts, alarm, now));
  $("more-alarms").hidden = alarms.length <= most;
  put($("more-alarms"), all ? "Show fewer" : `Show all ${alarms.length}`);
}

function makeAlarm(alarm) {
  const parts = {text: el("p"), since: el("p.muted.since"), cure: el("p.cure")};
  parts.node = el("li", parts.text, parts.since, parts.cure);
  parts.where = alarm.kind === "file_refused" ? [" ", el("a", {href: "#reload-panel"}, "Show what is wrong in it")] : [];
  return parts;
}

function fillAlarm(parts, alarm, now) {
  mark(parts.text, alarm.text, kinds[alarm.level] ?? "warn");
  put(parts.since, lasting(alarm.since, now));
  if (parts.cure.dataset.drawn === alarm.do) return;
  parts.cure.dataset.drawn = alarm.do;
  parts.cure.replaceChildren(alarm.do, ...parts.where);
}

function drawHands(hands, now, refresh) {
  $("by-hand").hidden = hands.length === 0;
  keyed($("hand-rows"), hands, (hand) => `${hand.call} ${hand.what}`, (hand) => makeHand(hand, refresh), (parts, hand) => {
    put(parts.since, lasting(hand.since, now));
  });
}

function makeHand(hand, refresh) {
  const parts = {
    since: el("span.muted"), command: el("code.code.muted", hand.undo),
    undo: el("button.act.deed"),
  };
  confirmable(parts.undo, () => "Undo", `: ${hand.what}`, () => undo(hand, refresh));
  parts.node = el("li", el("b", hand.what), parts.since, parts.command, parts.undo);
  return parts;
}

async function undo(hand, refresh) {
  const [method, path] = hand.call.split(" ");
  await order(path, method, `Undone: ${hand.what}.`, `It was not undone that ${hand.what}`);
  refresh();
}

// handsOf gives what is set by hand of a route, as its row shows it: "", stopped or draining.
export function handOf(route) {
  const path = `/routes/${encodeURIComponent(route)}/`;
  const mine = (latest?.by_hand ?? []).find((hand) => hand.call.startsWith("DELETE " + path));
  if (!mine) return "";
  return mine.call.endsWith("/drain") ? "draining" : "stopped";
}

// alarmsOf gives the alarms that are about a route or about the upstream that it leads to.
export function alarmsOf(route) {
  return (latest?.alarms ?? []).filter((alarm) => alarm.route ? alarm.route === route.name : alarm.upstream && alarm.upstream === route.upstream);
}

export function setUpAlarms() {
  $("more-alarms").onclick = () => {
    all = !all;
    if (latest) drawAlarms(latest.alarms ?? [], latest.now);
  };
}
