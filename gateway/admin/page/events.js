// What has happened lately, but for ends, which have a table of their own.

import {$, el, keyed, mark, put} from "./dom.js";
import {clock, counted} from "./words.js";

const most = 50;
let happened = []; // the latest first

// hearEvent takes one that is no end. A stream that is opened again begins with those that are known.
export function hearEvent(event) {
  const key = JSON.stringify(event);
  happened = [{...event, key}, ...happened.filter((one) => one.key !== key)].slice(0, most);
  keyed($("event-rows"), happened, (one) => one.key, make, () => {});
  $("no-events").hidden = true;
}

const kinds = {
  reload: (e) => e.reload.ok ? ["reload", "plain", `the policy file took over: ${counted((e.reload.changes ?? []).length, "change")}, generation ${e.reload.generation}`]
    : ["reload", "bad", `the policy file was refused: ${e.reload.error}`],
  health: (e) => ["health", ["back", "up"].includes(e.health.change) ? "good" : "bad", health(e.health)],
  deed: (e) => ["deed", e.deed.status < 400 ? "plain" : "warn", `${[e.deed.from, e.deed.certificate, e.deed.token].filter(Boolean).join(", ")}: ${e.deed.call}: ${e.deed.result}`],
  alarm: (e) => ["wrong", e.alarm.level === "error" ? "bad" : "warn", e.alarm.text],
  alarm_over: (e) => ["over", "good", e.alarm.text],
};

function health(change) {
  const what = change.endpoint ? `endpoint ${change.endpoint} of ${change.upstream}` : `upstream ${change.upstream}`;
  const after = change.failures ? ` after ${counted(change.failures, "failure")} in a row` : "";
  return `${what}: ${change.change}${after}${change.error ? `: ${change.error}` : ""}`;
}

function make(event) {
  const [word, kind, text] = (kinds[event.kind] ?? (() => [event.kind, "plain", ""]))(event);
  const name = el("span");
  mark(name, word, kind);
  const words = el("span.words");
  put(words, text);
  return {node: el("li", el("time.muted", {dateTime: event.at}, clock(event.at)), name, words)};
}
