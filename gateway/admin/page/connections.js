// The table of open connections: searched, sorted and paged by the gateway, 50 at a time.

import {showDetails} from "./details.js";
import {ask, Refusal, why} from "./gateway.js";
import {$, confirmable, el, hidden, keyed, mark, notice, put, putAddress, refill, say, stamp} from "./dom.js";
import {bytes, count, counted, passing} from "./words.js";

const limit = 50;
let told = true; // what was searched for is told once to those who do not see the table
const wanted = {q: "", route: "", sort: "due", offset: 0};
let latest = null;      // what was told last, and who polls: [answer, refresh]
let pointedAt = false;  // a pointer is over the rows
let demanded = true;    // somebody searched, sorted or paged, and is to see it wherever the pointer is
const kinds = {open: "good", handshake: "plain", waiting: "plain", connecting: "plain", half_closed: "warn", draining: "warn"};
let values = new Map(); // seconds by route and timer, of the policies in force

// query is what the listing is asked for now. An answer to another one is late, and not drawn.
export function query() {
  const given = Object.entries({...wanted, limit}).filter(([, value]) => value !== "");
  return new URLSearchParams(given).toString();
}

// drawPolicies keeps the timers' values, of which the bars show how much has passed.
export function drawPolicies(answer) {
  values = new Map();
  for (const policy of answer.policies ?? []) {
    for (const route of policy.routes ?? []) {
      for (const timer of policy.timers ?? []) values.set(`${route} ${timer.timer}`, timer.value_seconds);
    }
  }
}

// drawConnections draws the rows, but holds them still while somebody aims at one: then those that are there are kept up to
// date, and which there are, and in what order, waits.
export function drawConnections(answer, refresh) {
  latest = [answer, refresh];
  const held = isAimed() && !demanded;
  $("held").hidden = !held;
  const rows = answer.connections ?? [];
  if (held) {
    refill($("connection-rows"), rows, (one) => one.id, fill);
    return;
  }
  demanded = false;
  if (rows.length === 0 && answer.total > 0) { // the last page has gone
    wanted.offset = Math.floor((answer.total - 1) / limit) * limit;
    refresh();
    return;
  }
  keyed($("connection-rows"), rows, (one) => one.id, (one) => make(one, refresh), fill);
  drawPager(answer.total, rows.length);
}

// isAimed reports whether a pointer is over the rows, or a button among them waits for its second press.
function isAimed() {
  return pointedAt || $("connection-rows").querySelector(".armed") !== null;
}

// holdStill follows the pointer. A finger that is lifted leaves.
function holdStill() {
  $("connection-rows").addEventListener("pointerenter", () => pointedAt = true);
  $("connection-rows").addEventListener("pointerleave", () => {
    pointedAt = false;
    if (latest && !$("held").hidden) drawConnections(...latest);
  });
}

function make(one, refresh) {
  const parts = stamp("connection-template");
  parts.id.append(hidden("Details of "), String(one.id));
  parts.id.addEventListener("click", () => showDetails(one.id, refresh));
  closing(parts.close, one.id, (gone) => {
    if (gone) markGone(parts);
    refresh();
  });
  return parts;
}

// markGone is for a row whose connection was closed here, as long as it is held still.
function markGone(parts) {
  parts.node.classList.add("gone");
  parts.close.setAttribute("aria-disabled", "true");
  mark(parts.state, "ended", "plain");
}

function fill(parts, one) {
  if (parts.node.classList.contains("gone")) return; // what was asked before it ended
  putAddress(parts.client, one.client);
  putAddress(parts.endpoint, one.endpoint || "–");
  put(parts.route, one.route);
  parts.route.title = one.route;
  drawDue(parts, one);
  put(parts.silence, passing(one.silence_seconds));
  put(parts.age, passing(one.age_seconds));
  mark(parts.state, one.state.replace("_", " "), kinds[one.state] ?? "plain");
  put(parts.messages, `${count(one.client_messages)} / ${count(one.upstream_messages)}`);
  put(parts.bytes, `${bytes(one.client_bytes)} / ${bytes(one.upstream_bytes)}`);
}

function drawDue(parts, one) {
  const value = values.get(`${one.route} ${one.next_timer}`);
  const passed = value && one.due_seconds !== null ? Math.min(1, Math.max(0, 1 - one.due_seconds / value)) : 0;
  parts.run.style.width = `${100 * passed}%`;
  parts.run.classList.toggle("late", passed > 0.8);
  put(parts.due, passing(one.due_seconds));
  put(parts.timer, one.next_timer || "none runs");
}

// closing has a button end a connection at its second press. ended is called then, with whether it is gone.
export function closing(button, id, ended) {
  const about = () => hidden(`: connection ${id}`);
  confirmable(button, () => ["Close", about()], () => ["Close? yes", about()], async () => {
    let gone = true;
    try {
      await ask(`/connections/${id}`, "DELETE");
      notice(`Connection ${id} is closed.`);
    } catch (error) {
      gone = error instanceof Refusal && error.status === 404;
      notice(gone ? `Connection ${id} had ended already.` : `Connection ${id} was not closed: ${why(error)}.`, !gone);
    }
    ended(gone);
  });
}

function drawPager(total, shown) {
  if (!told) say(counted(total, "connection", "connections"));
  told = true;
  put($("range"), total === 0 ? "none" : `${count(wanted.offset + 1)}–${count(wanted.offset + shown)} of ${count(total)}`);
  setAble($("previous"), wanted.offset > 0);
  setAble($("next"), wanted.offset + shown < total);
}

// setAble says that a button does nothing now, without taking the focus from it.
function setAble(button, able) {
  button.setAttribute("aria-disabled", String(!able));
}

// drawChoice lists the routes to choose from.
export function drawChoice(answer) {
  const names = (answer.routes ?? []).map((route) => route.name);
  const select = $("by-route");
  const drawn = JSON.stringify(names);
  if (select.dataset.drawn === drawn) return;
  select.dataset.drawn = drawn;
  if (wanted.route && !names.includes(wanted.route)) wanted.route = ""; // it was removed
  select.replaceChildren(el("option", {value: ""}, "all"), ...names.map((name) => el("option", {value: name}, name)));
  select.value = wanted.route;
}

// setUpTable makes the controls ask again; refresh polls.
export function setUpTable(refresh) {
  const want = (change) => {
    Object.assign(wanted, {offset: 0}, change);
    told = false;
    demanded = true;
    refresh();
  };
  let typing;
  $("q").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => want({q: $("q").value.trim()}), 200);
  });
  $("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    want({q: $("q").value.trim()});
  });
  $("by-route").addEventListener("change", () => want({route: $("by-route").value}));
  for (const [id, step] of [["previous", -limit], ["next", limit]]) {
    $(id).addEventListener("click", () => $(id).getAttribute("aria-disabled") !== "true" && want({offset: wanted.offset + step}));
  }
  for (const header of $("headers").querySelectorAll("[data-sort]")) setUpHeader(header, want);
  drawSort();
  holdStill();
}

// setUpHeader makes a header a button: first by what one looks for (data-first), then the other way about.
function setUpHeader(header, want) {
  const {sort, first = ""} = header.dataset;
  const button = el("button", {type: "button", className: "plain"}, header.textContent);
  header.replaceChildren(button);
  button.addEventListener("click", () => {
    const other = first === "-" ? "" : "-";
    want({sort: (wanted.sort === first + sort ? other : first) + sort});
    drawSort();
  });
}

function drawSort() {
  for (const header of $("headers").querySelectorAll("[data-sort]")) {
    const {sort} = header.dataset;
    header.setAttribute("aria-sort", wanted.sort === sort ? "ascending" : wanted.sort === "-" + sort ? "descending" : "none");
  }
}
