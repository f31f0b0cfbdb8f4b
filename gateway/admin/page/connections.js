// The table of open connections: searched, sorted and paged by the gateway, 50 at a time, and asked for while it is in view.

import {follow, want, wanted} from "./address.js";
import {showDetails} from "./details.js";
import {ask, Refusal, why} from "./gateway.js";
import {$, confirmable, el, fillBar, hidden, hold, keyed, mark, notice, put, putAddress, refill, say, stamp} from "./dom.js";
import {bytes, count, counted, passing} from "./words.js";

const limit = 50;
const many = 2000, everyMany = 5000; // connections from which on they are asked for more seldom: at every third poll; ms
let told = true;      // what was searched for is told once to those who do not see the table
let latest = null;    // what was told last, and who polls: [answer, refresh]
let demanded = false; // somebody searched, sorted or paged, and is to see it wherever the pointer is
let inView = false;
let asked = 0;        // when, by the browser's clock
const kinds = {open: "good", handshake: "plain", waiting: "plain", connecting: "plain", half_closed: "warn", draining: "warn"};
const isAimed = hold($("connection-rows"), () => latest && !$("held").hidden && drawConnections(...latest));
let values = new Map(); // seconds by route and timer, of the policies in force

// listing is what to ask for now; null: nothing, since nobody looks, or it was asked for a moment ago.
export function listing() {
  if (!inView && !demanded) return null;
  if (!demanded && latest && latest[0].total > many && Date.now() - asked < everyMany) return null;
  return "/connections?" + query();
}

// query is what the listing is asked for now. An answer to another one is late, and not drawn.
export function query() {
  const {q, route, endpoint, state, idle, sort} = wanted;
  const offset = (Math.max(1, Number.parseInt(wanted.page) || 1) - 1) * limit;
  const given = Object.entries({q, route, endpoint, state, idle, sort, offset, limit}).filter(([, value]) => value !== "");
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

// refuseFilter says what is wrong with what is looked for, in the gateway's words; "": nothing.
export function refuseFilter(words) {
  put($("filter-error"), words);
  $("filter-error").hidden = words === "";
  if (words) demanded = false;
}

// drawConnections draws the rows, but holds them still while somebody aims at one: then those that are there are kept up to
// date, and which there are, and in what order, waits.
export function drawConnections(answer, refresh) {
  latest = [answer, refresh];
  asked = Date.now();
  const held = isAimed() && !demanded;
  $("held").hidden = !held;
  const rows = answer.connections ?? [];
  showColumns(rows);
  if (held) {
    refill($("connection-rows"), rows, (one) => one.id, fill);
    return;
  }
  demanded = false;
  if (rows.length === 0 && answer.total > 0) { // the last page has gone
    want({page: String(Math.ceil(answer.total / limit))}, true);
    return;
  }
  keyed($("connection-rows"), rows, (one) => one.id, (one) => make(one, refresh), fill);
  drawPager(answer.total, rows.length);
}

// showColumns has the columns that few gateways need be there once there is something in them.
function showColumns(rows) {
  const has = {"has-tls": (one) => one.tls || one.server_name, "has-proxy": (one) => one.proxy, "has-beats": (one) => one.client_heartbeats || one.upstream_heartbeats};
  const table = $("connection-rows").closest("table");
  for (const [name, of] of Object.entries(has)) if (rows.some(of)) table.classList.add(name);
}

function make(one, refresh) {
  const parts = stamp("connection-template");
  parts.id.append(hidden("Details of "), String(one.id));
  parts.id.onclick = () => showDetails(one.id, refresh);
  closing(parts.close, one.id, (gone) => {
    if (gone) markGone(parts);
    refresh();
  });
  return parts;
}

// hearGone marks the row of one that has ended, as long as rows are held still.
export function hearGone(id) {
  const node = [...$("connection-rows").children].find((row) => row.dataset.key === String(id));
  if (node) markGone({node, close: node.querySelector('[data-is="close"]'), state: node.querySelector('[data-is="state"]')});
}

// markGone is for a row whose connection was closed here, as long as it is held still.
function markGone(parts) {
  parts.node.classList.add("gone");
  parts.close.setAttribute("aria-disabled", "true");
  mark(parts.state, "ended", "plain");
}

function fill(parts, one) {
  if (parts.node.classList.contains("gone")) return; // what was asked before it ended
  fillBoth(parts, one);
  putAddress(parts.proxy, one.proxy || "–");
  drawDue(parts, one);
  put(parts.silence, passing(one.silence_seconds));
  put(parts.age, passing(one.age_seconds));
  mark(parts.state, one.state.replace("_", " "), kinds[one.state] ?? "plain");
  put(parts.beats, `${count(one.client_heartbeats)} / ${count(one.upstream_heartbeats)}`);
  const secured = [one.tls ? `TLS ${one.tls.version}` : "", one.tls?.server_name || one.server_name || "", one.tls?.certificate || ""].filter(Boolean).join(", ");
  put(parts.tls, secured || "–");
  parts.tls.title = secured;
}

// fillBoth fills what a row has in common with that of one that has ended.
export function fillBoth(parts, one) {
  putAddress(parts.client, one.client);
  putAddress(parts.endpoint, one.endpoint || "–");
  put(parts.route, one.route);
  parts.route.title = one.route;
  put(parts.messages, `${count(one.client_messages)} / ${count(one.upstream_messages)}`);
  put(parts.bytes, `${bytes(one.client_bytes)} / ${bytes(one.upstream_bytes)}`);
}

function drawDue(parts, one) {
  const value = values.get(`${one.route} ${one.next_timer}`);
  fillBar(parts.run, value && one.due_seconds !== null ? 1 - one.due_seconds / value : 0);
  put(parts.due, passing(one.due_seconds));
  put(parts.timer, one.next_timer || "none runs");
}

// closing has a button end a connection at its second press. ended is called then, with whether it is gone.
export function closing(button, id, ended) {
  confirmable(button, () => "Close", `: connection ${id}`, async () => {
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
  if (!told) say(counted(total, "connection"));
  told = true;
  const from = (Number(wanted.page) - 1) * limit;
  put($("range"), total === 0 ? "none" : `${count(from + 1)}–${count(from + shown)} of ${count(total)}`);
  $("seldom").hidden = total <= many;
  setAble($("previous"), from > 0);
  setAble($("next"), from + shown < total);
}

// setAble says that a button does nothing now, without taking the focus from it.
function setAble(button, able) {
  button.setAttribute("aria-disabled", String(!able));
}

// setUpTable follows what is wanted; refresh polls. seen is told when the table comes into view.
export function setUpTable(refresh) {
  follow((changed) => {
    if (!["q", "route", "endpoint", "state", "idle", "sort", "page"].some((name) => changed.has(name))) return;
    told = false;
    demanded = true;
    refuseFilter("");
    drawSort();
    refresh();
  });
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    $(id).onclick = () => $(id).getAttribute("aria-disabled") !== "true" && want({page: String(Number(wanted.page) + step)});
  }
  for (const header of $("headers").querySelectorAll("[data-sort]")) setUpHeader(header);
  drawSort();
  new IntersectionObserver((entries) => {
    inView = entries.at(-1).isIntersecting;
    if (inView) refresh();
  }, {rootMargin: "200px"}).observe($("connections"));
}

// setUpHeader makes a header a button: the greatest figure comes first, then the other way about.
function setUpHeader(header) {
  const {sort} = header.dataset, first = header.classList.contains("figure") ? "-" : "";
  const button = el("button.plain", header.textContent);
  header.replaceChildren(button);
  button.onclick = () => {
    const other = first === "-" ? "" : "-";
    want({sort: (wanted.sort === first + sort ? other : first) + sort, page: "1"});
  };
}

function drawSort() {
  for (const header of $("headers").querySelectorAll("[data-sort]")) {
    const {sort} = header.dataset;
    header.setAttribute("aria-sort", wanted.sort === sort ? "ascending" : wanted.sort === "-" + sort ? "descending" : "none");
  }
}
