// The policy file: what became of its last reading, what is wrong in one that is refused, and what waits for a restart.

import {ask, Refusal, why} from "./gateway.js";
import {$, confirmable, el, notice, put} from "./dom.js";
import {clock, counted} from "./words.js";

let readAt = 0; // when a reading was answered here, by performance.now

// drawFile draws what was asked for at an instant, unless a reading has been answered since.
export function drawFile(config, asked) {
  if (asked < readAt) return;
  put($("file"), config.file || "not from a file");
  const pending = config.pending ?? [];
  $("pending").hidden = pending.length === 0;
  put($("pending-changes"), pending.map((change) => change.text).join("; "));
  drawReload(config.last_reload);
}

const triggers = {
  file: "as the file had changed", signal: "on a signal", call: "on a call", previous: "as an operator went back to the policy before",
};

function drawReload(reload) {
  const drawn = JSON.stringify(reload);
  if ($("reload-panel").dataset.drawn === drawn) return;
  $("reload-panel").dataset.drawn = drawn;
  $("reload-panel").classList.toggle("refused", reload?.ok === false);
  if (!reload) {
    $("reload-result").replaceChildren(el("p.muted", "Not read again since the start."));
    return;
  }
  const outcome = reload.ok ? `${counted((reload.changes ?? []).length, "change")} took over` : "refused";
  const head = el("p", el(reload.ok ? "b" : "b.bad", `Last reload: ${outcome}`),
    el("span.muted", ` at ${clock(reload.at)}, ${triggers[reload.trigger] ?? reload.trigger}`));
  const rest = reload.ok ? changeLists(reload)
    : [el("p", `${reload.error}. Generation ${reload.generation} stays in force.`), ...problems(reload)];
  $("reload-result").replaceChildren(head, ...rest);
}

// changeLists are what a reload or a plan changes, and what it warns of.
export function changeLists(reload) {
  const changes = [
    ...(reload.changes ?? []).map((change) => el("li", change.text)),
    ...(reload.pending ?? []).map((change) => el("li", change.text, " ", el("span.tag", "at the next start"))),
  ];
  return [...list("Changes", changes), ...warningList(reload.warnings)];
}

export function warningList(warnings) {
  return list("Warnings", (warnings ?? []).map((warning) => el("li.warn", warning)));
}

function list(name, items) {
  return items.length === 0 ? [] : [el("ul.changes", {"aria-label": name}, ...items)];
}

// problems shows each offending line as it stands in the file, with a mark below its column.
export function problems(reload) {
  return (reload.problems ?? []).map(problem);
}

function problem(p) {
  const column = Math.max(1, p.column);
  const before = p.source.slice(0, column - 1);
  const word = p.source.slice(column - 1).match(/^\S*/)[0];
  const after = p.source.slice(column - 1 + word.length);
  const gutter = `${p.line} │ `;
  const lead = before.replace(/[^\t]/g, " "); // tabs stay tabs, so that the mark stands where the column does
  const source = p.source === "" ? [] : [el("pre.source", {tabIndex: 0, role: "region", "aria-label": `Line ${p.line} of the file`},
    el("span.muted", gutter), before, el("mark", word), after, "\n",
    el("span.muted", {"aria-hidden": "true"}, gutter.replace(/\d/g, " "), lead, el("span.bad", "^".repeat(Math.max(1, word.length)))))];
  return el("div.problem", el("p", el("b.code", `${p.file}:${p.line}:${p.column}`), ` ${p.text}`), ...source);
}

// setUpFile has the buttons read the file, or go back; refresh polls, and so draws what came of it.
export function setUpFile(refresh) {
  const reload = $("reload"), previous = $("previous-policy");
  reload.onclick = () => read(reload, "/reload", refresh);
  confirmable(previous, () => "Back to the policy before", "", () => read(previous, "/reload?to=previous", refresh));
}

async function read(button, path, refresh) {
  if (button.getAttribute("aria-disabled")) return; // it is under way; a disabled button would lose the focus
  button.setAttribute("aria-disabled", "true");
  const what = path === "/reload" ? "The policy file was read" : "The policy before is in force again";
  try {
    const done = await ask(path, "POST");
    drawReload(done);
    notice(`${what}: ${counted((done.changes ?? []).length, "change")}, generation ${done.generation} is in force.`);
  } catch (error) {
    report(error, path === "/reload" ? "The policy file was not read" : "The policy before was not taken");
  } finally {
    readAt = performance.now();
    button.removeAttribute("aria-disabled");
    refresh();
  }
}

function report(error, what) {
  const reload = error instanceof Refusal && error.status === 422 ? error.body : null;
  if (!reload || reload.ok !== false) {
    notice(`${what}: ${why(error)}.`, true);
    return;
  }
  drawReload(reload);
  const first = reload.problems?.[0];
  notice(`The policy file was refused: see ${first ? `${first.file}:${first.line}:${first.column}` : "above"}. Generation ${reload.generation} stays in force.`, true);
}
