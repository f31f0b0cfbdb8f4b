// The dialog with all that is known of one connection: every timer, its value, where that comes from, and when it fires.

import {closing} from "./connections.js";
import {ask, Refusal, why} from "./gateway.js";
import {$, el} from "./dom.js";
import {bytes, clock, count, duration, passing} from "./words.js";

let shown = null; // the id of the connection

export async function showDetails(id, refresh) {
  shown = id;
  $("details-title").textContent = `Connection ${id}`;
  const close = el("button", {type: "button", className: "act"});
  closing(close, id, refresh);
  $("details-body").replaceChildren(el("div", {id: "details-facts", "aria-live": "off"}), el("p", {className: "actions"}, close));
  await drawDetails();
  if (shown === id && !$("details").open) $("details").showModal();
}

// drawDetails asks anew for what the dialog shows, while it is open.
export async function drawDetails() {
  const id = shown;
  if (id === null) return;
  try {
    const explanation = await ask(`/connections/${id}`);
    if (id === shown) $("details-facts").replaceChildren(facts(explanation), timers(explanation.timers ?? []));
  } catch (error) {
    if (id === shown) await explainLoss(id, error);
  }
}

async function explainLoss(id, error) {
  if (!(error instanceof Refusal && error.status === 404)) {
    $("details-facts").replaceChildren(el("p", {className: "bad"}, `Nothing is known of it now: ${why(error)}.`));
    return;
  }
  shown = null; // it will not come back
  $("details-body").querySelector(".actions").remove();
  const endings = await ask("/ended?limit=1000").catch(() => ({}));
  const end = endings.ended?.find((one) => one.id === id);
  const how = end ? `It has ended at ${clock(end.ended_at)}: ${end.reason}, after ${duration(end.duration_seconds)}.` : "It has ended.";
  $("details-facts").prepend(el("p", {role: "status"}, el("b", {}, how)));
}

function facts(e) {
  const c = e.connection;
  const policy = `${e.policy || "of its own"} (${e.kind})${e.reset_on ? `, reset on ${e.reset_on}` : ""}, closes with ${e.close.toUpperCase()}`;
  const all = [
    ["Client", c.client], ["Route", c.route], ["Endpoint", c.endpoint || "none yet"], ["State", c.state.replace("_", " ")],
    ["Opened", `${clock(c.opened_at)}, ${passing(c.age_seconds)} ago`], ["Client silent for", passing(c.silence_seconds)],
    ["From client", `${count(c.client_messages)} messages, ${bytes(c.client_bytes)}`],
    ["From upstream", `${count(c.upstream_messages)} messages, ${bytes(c.upstream_bytes)}`],
    ["Protocol", e.protocol], ["Policy", policy], ["Generation", String(e.generation)],
  ];
  if (e.leaves) all.push(["Must leave", `${e.leaves.reason}, cut ${e.leaves.due_seconds === null ? "never" : "in " + passing(e.leaves.due_seconds)}`]);
  if (e.read_paused) all.push(["Reading", "paused: timers of the client's silence stand still"]);
  return el("dl", {className: "details"}, ...all.map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text))));
}

const columns = ["Timer", "Value", "From", "Standing", "Counts from", "Due"];

function timers(all) {
  const head = el("tr", {}, ...columns.map((name) => el("th", {scope: "col"}, name)));
  const rows = all.flatMap((timer) => [timerRow(timer), ...(timer.dry_run ? [rehearsalRow(timer.dry_run)] : [])]);
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  return el("div", {className: "scroll", role: "region", "aria-label": "Table of timers", tabIndex: 0}, table);
}

function timerRow(timer) {
  const standing = timer.standing + (timer.waits ? `: ${timer.waits}` : "");
  const from = timer.since ? `${timer.since}, ${passing(timer.since_seconds)} ago` : "–";
  const row = el("tr", {className: timer.standing === "off" ? "muted" : ""}, el("th", {scope: "row", className: "code"}, timer.timer),
    ...[duration(timer.value_seconds), timer.from, standing, from].map((text) => el("td", {}, text)), dueCell(timer));
  return row;
}

function dueCell(timer) {
  const cell = el("td", {className: "figure"}, timer.due_seconds === null ? "–" : `in ${passing(timer.due_seconds)}`);
  if (timer.due_seconds === null || !timer.value_seconds) return cell;
  const run = el("span");
  run.style.width = `${100 * Math.min(1, Math.max(0, 1 - timer.due_seconds / timer.value_seconds))}%`;
  run.classList.toggle("late", timer.due_seconds < 0.2 * timer.value_seconds);
  cell.append(el("span", {className: "bar", "aria-hidden": "true"}, run));
  return cell;
}

function rehearsalRow(dry) {
  const due = dry.counted ? "counted" : dry.due_seconds === null ? "–" : `in ${passing(dry.due_seconds)}`;
  return el("tr", {className: "muted"}, el("th", {scope: "row"}, "└ dry run"), el("td", {}, duration(dry.value_seconds)),
    el("td", {}, dry.from), el("td", {}, "only watched"), el("td", {}, "–"), el("td", {className: "figure"}, due));
}

export function setUpDetails() {
  $("details").addEventListener("close", () => { shown = null; });
  $("details-leave").addEventListener("click", () => $("details").close());
}
