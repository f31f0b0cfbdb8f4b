// The gateway as a whole, and what became of the last reading of its policy file.

import {ask, Refusal, why} from "./gateway.js";
import {$, el, mark, notice, put} from "./dom.js";
import {bytes, clock, count, counted, duration, since} from "./words.js";

export function drawStatus(status) {
  put($("version"), status.version);
  const state = !status.ready ? `not ready: ${status.reason}` : status.accept_paused ? "full: new clients wait" : "ready";
  mark($("ready"), state, state === "ready" ? "good" : "warn");
  put($("uptime"), `started ${since(status.started_at, status.now)} ago`);
  put($("open"), count(status.connections));
  put($("max"), count(status.connections_max));
  $("open-bar").style.width = `${100 * Math.min(1, status.connections / Math.max(1, status.connections_max))}%`;
  put($("buffer"), bytes(status.buffer_bytes));
  $("drops").hidden = !status.log_dropped;
  put($("dropped"), count(status.log_dropped));
  drawConfig(status.config, status.now);
  document.title = `${count(status.connections)} open · idlegate`;
}

function drawConfig(config, now) {
  put($("generation"), config.generation);
  put($("loaded"), `since ${clock(config.loaded_at)}, for ${since(config.loaded_at, now)}`);
  put($("file"), config.file || "not from a file");
  drawPending(config.pending ?? []);
  drawReload(config.last_reload);
}

// drawPending shows what the file says and is not in force, until the gateway is started again.
function drawPending(pending) {
  $("pending").hidden = pending.length === 0;
  put($("pending-changes"), pending.map((change) => change.text).join("; "));
}

const triggers = {file: "as the file had changed", signal: "on a signal", call: "on a call"};

function drawReload(reload) {
  const drawn = JSON.stringify(reload);
  if ($("reload-panel").dataset.drawn === drawn) return;
  $("reload-panel").dataset.drawn = drawn;
  $("reload-panel").classList.toggle("refused", reload?.ok === false);
  if (!reload) {
    $("reload-result").replaceChildren(el("p", {className: "muted"}, "Not read again since the start."));
    return;
  }
  const outcome = reload.ok ? `${counted((reload.changes ?? []).length, "change", "changes")} took over` : "refused";
  const head = el("p", {}, el("b", {className: reload.ok ? "" : "bad"}, `Last reload: ${outcome}`),
    el("span", {className: "muted"}, ` at ${clock(reload.at)}, ${triggers[reload.trigger] ?? reload.trigger}`));
  $("reload-result").replaceChildren(head, ...(reload.ok ? acceptance(reload) : refusal(reload)));
}

function acceptance(reload) {
  const changes = [
    ...(reload.changes ?? []).map((change) => el("li", {}, change.text)),
    ...(reload.pending ?? []).map((change) => el("li", {}, change.text, " ", el("span", {className: "tag"}, "at the next start"))),
  ];
  const warnings = (reload.warnings ?? []).map((warning) => el("li", {className: "warn"}, warning));
  const lists = [];
  if (changes.length > 0) lists.push(el("ul", {className: "changes"}, ...changes));
  if (warnings.length > 0) lists.push(el("ul", {className: "changes", "aria-label": "Warnings"}, ...warnings));
  return lists;
}

function refusal(reload) {
  const stays = `${reload.error}. Generation ${reload.generation} stays in force.`;
  return [el("p", {}, stays), ...(reload.problems ?? []).map(problem)];
}

// problem shows the offending line as it stands in the file, with a mark below its column.
function problem(p) {
  const column = Math.max(1, p.column);
  const before = p.source.slice(0, column - 1);
  const word = p.source.slice(column - 1).match(/^\S*/)[0];
  const after = p.source.slice(column - 1 + word.length);
  const gutter = `${p.line} │ `;
  const lead = before.replace(/[^\t]/g, " "); // tabs stay tabs, so that the mark stands where the column does
  const source = p.source === "" ? [] : [el("pre", {className: "source", tabIndex: 0},
    el("span", {className: "muted"}, gutter), before, el("mark", {}, word), after, "\n",
    el("span", {className: "muted", "aria-hidden": "true"}, gutter.replace(/\d/g, " "), lead, el("span", {className: "bad"}, "^".repeat(Math.max(1, word.length)))))];
  return el("div", {className: "problem"}, el("p", {}, el("b", {className: "code"}, `${p.file}:${p.line}:${p.column}`), ` ${p.text}`), ...source);
}

// setUpReload has the button read the file; refresh polls, and so draws what came of it.
export function setUpReload(refresh) {
  const button = $("reload");
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled")) return; // it is under way; a disabled button would lose the focus
    button.setAttribute("aria-disabled", "true");
    try {
      const reload = await ask("/reload", "POST");
      drawReload(reload);
      notice(`The policy file was read: ${counted((reload.changes ?? []).length, "change", "changes")}, generation ${reload.generation} is in force.`);
    } catch (error) {
      report(error);
    } finally {
      button.removeAttribute("aria-disabled");
      refresh();
    }
  });
}

function report(error) {
  const reload = error instanceof Refusal && error.status === 422 ? error.body : null;
  if (!reload || reload.ok !== false) {
    notice(`The policy file was not read: ${why(error)}.`, true);
    return;
  }
  drawReload(reload);
  const first = reload.problems?.[0];
  notice(`The policy file was refused: see ${first ? `${first.file}:${first.line}:${first.column}` : "above"}. Generation ${reload.generation} stays in force.`, true);
}
