// The dialog with all that is known of one connection: of an open one every timer, its value, where that comes from, and when it fires;
// of one that has ended why.

import {detail, stateOf} from "./upstreams.js";
import {closing} from "./connections.js";
import {ask, Refusal, why} from "./gateway.js";
import {$, address, el, fillBar, keyed, put as putText} from "./dom.js";
import {bytes, clock, counted, duration, passing} from "./words.js";

let shown = null;   // the id of the connection; null once it has ended
let latest = null;  // the id that was asked for last
let failed = false; // what it says of the connection's fate is that it could not be asked for

export async function showDetails(id, refresh) {
  shown = id;
  const close = el("button.act.deed");
  closing(close, id, refresh);
  begin(id, el("span.deed", "End it as killed: "), close);
  await drawDetails();
  if (latest === id) show(); // also where it has just ended, to say so
}

// showEnded opens the dialog for one that has ended.
export function showEnded(one) {
  shown = null;
  begin(one.id);
  drawEnd(one);
  show();
}

// begin takes away what the dialog said of another connection.
function begin(id, ...actions) {
  latest = id;
  putText($("details-title"), `Connection ${id}`);
  $("details-actions").replaceChildren(...actions);
  fate("");
  $("details-facts").replaceChildren();
  $("details-timers").replaceChildren();
  $("details-table").hidden = true;
}

function show() {
  if (!$("details").open) $("details").showModal();
}

function fate(words) {
  putText($("details-fate"), words);
}

// drawEnd tells what is kept of one that has ended.
function drawEnd(one) {
  fate(`It ended at ${clock(one.ended_at)}: ${one.reason}, after ${passing(one.duration_seconds)}.`);
  const broken = one.protocol_error;
  put($("details-facts"), [
    ...whose(one), ["Longest silence", passing(one.longest_silence_seconds)], ...traffic(one),
    ...(broken ? [["Broken rule", broken.rule], ["In the stream of the", `${broken.from}, behind ${bytes(broken.offset)}`], ["Bytes around it", el("code.code", broken.bytes)]] : []),
  ]);
}

// put shows facts, each a term and its text. What has not changed is left alone, since somebody may be about to copy it.
function put(list, facts) {
  keyed(list, facts, ([term]) => term, ([term]) => {
    const text = el("dd");
    return {node: el("div", el("dt", term), text), text};
  }, ({text}, [, ...words]) => {
    if (text.textContent !== words.map((word) => word.textContent ?? word).join("")) text.replaceChildren(...words);
  });
}

// drawDetails asks again for what the dialog shows, while it is open.
export async function drawDetails() {
  const id = shown;
  if (id === null) return;
  try {
    const explanation = await ask(`/connections/${id}`);
    if (id !== shown) return;
    if (failed) fate("");
    failed = false;
    put($("details-facts"), facts(explanation));
    $("details-table").hidden = false;
    keyed($("details-timers"), (explanation.timers ?? []).flatMap(timerRows), (row) => row.key, makeTimer, fillTimer);
  } catch (error) {
    if (id === shown) await explainLoss(id, error);
  }
}

async function explainLoss(id, error) {
  if (!(error instanceof Refusal && error.status === 404)) {
    failed = true;
    fate(`It cannot be asked for now: ${why(error)}.`);
    return;
  }
  shown = null; // it will not come back
  if ($("details-actions").contains(document.activeElement)) $("details-leave").focus();
  $("details-actions").replaceChildren();
  const [end] = (await ask(`/ended?id=${id}`).catch(() => ({}))).ended ?? [];
  if (latest !== id) return;
  if (end) drawEnd(end);
  else fate("It has ended.");
}

function whose(c) {
  return [
    ["Client", ...address(c.client)], ...(c.proxy ? [["Proxy", ...address(c.proxy)]] : []), ...(c.server_name ? [["Server name", c.server_name]] : []),
    ["Route", c.route], ["Endpoint", ...address(c.endpoint || "none")],
  ];
}

function traffic(c) {
  return ["client", "upstream"].map((side) => {
    const beats = c[`${side}_heartbeats`];
    return [`From ${side}`, `${counted(c[`${side}_messages`], "message")}${beats ? ` (${counted(beats, "heartbeat")})` : ""}, ${bytes(c[`${side}_bytes`])}`];
  });
}

function secured(tls) {
  const words = [tls.version, tls.cipher];
  if (tls.server_name) words.push(`for ${tls.server_name}`);
  if (tls.alpn) words.push(`ALPN ${tls.alpn}`);
  if (tls.certificate) words.push(`certificate of ${tls.certificate}`);
  if (tls.resumed) words.push("resumed");
  return words.join(", ");
}

function facts(e) {
  const c = e.connection;
  const policy = `${e.policy || "of its own"} (${e.kind})${e.reset_on ? `, reset on ${e.reset_on}` : ""}, closes with ${e.close.toUpperCase()}`;
  const all = [
    ...whose(c), ["State", c.state.replace("_", " ")],
    ["Opened", `${clock(c.opened_at)}, ${passing(c.age_seconds)} ago`], ["Client silent for", passing(c.silence_seconds)],
    ...traffic(c), ["Protocol", e.protocol + (e.opaque ? ", opaque: not understood any more" : "") + (e.unpaired ? ", unpaired: no reply counts as owed" : "")], ["Policy", policy], ["Generation", String(e.generation)],
  ];
  const endpoint = e.endpoint && [stateOf(e.endpoint), detail(e.endpoint, new Date().toISOString())].filter(Boolean).join("; ");
  if (endpoint) all.push(["Endpoint is", endpoint]);
  if (c.tls) all.push(["Client TLS", secured(c.tls)]);
  if (c.upstream_tls) all.push(["Upstream TLS", secured(c.upstream_tls)]);
  if (e.draining) all.push(["Draining", `${e.draining.reason}; ${e.draining.due_seconds === null ? "no deadline" : "closed in " + passing(e.draining.due_seconds)}`]);
  if (e.read_paused) all.push(["Reading", `paused (${e.read_paused_for.join(", ").replaceAll("_", " ")}): timers of the client's silence stand still`]);
  return all;
}

// timerRows are those of a timer: its own, and that of its dry run.
function timerRows(timer) {
  const {due_seconds: due, value_seconds: value, dry_run: dry} = timer;
  const name = timer.side ? `${timer.timer} of the ${timer.side}` : timer.timer;
  const own = {
    key: name, name, off: timer.standing === "off", due: due === null ? "–" : `in ${passing(due)}`, passed: due === null || !value ? null : 1 - due / value,
    texts: [
      duration(value), timer.negotiated ? `${timer.from}, ${timer.negotiated}` : timer.from, timer.standing + (timer.waits ? `: ${timer.waits}` : ""),
      timer.since ? `${timer.since}, ${passing(timer.since_seconds)} ago` : "–",
    ],
  };
  if (!dry) return [own];
  return [own, {
    key: `${name} dry run`, name: "└ dry run", off: true, due: dry.counted ? "counted" : dry.due_seconds === null ? "–" : `in ${passing(dry.due_seconds)}`,
    passed: null, texts: [duration(dry.value_seconds), dry.from, "only watched", "–"],
  }];
}

function makeTimer() {
  const parts = {name: el("th.code", {scope: "row"}), texts: Array.from({length: 4}, () => el("td")), due: el("span"), run: el("span")};
  parts.bar = el("span.bar", parts.run);
  parts.node = el("tr", parts.name, ...parts.texts, el("td.figure", parts.due, parts.bar));
  return parts;
}

function fillTimer(parts, row) {
  parts.node.className = row.off ? "muted" : "";
  putText(parts.name, row.name);
  row.texts.forEach((text, i) => putText(parts.texts[i], text));
  putText(parts.due, row.due);
  parts.bar.hidden = row.passed === null;
  fillBar(parts.run, row.passed);
}

export function setUpDetails() {
  $("details").onclose = () => { shown = null; };
  $("details-leave").onclick = () => $("details").close();
}
