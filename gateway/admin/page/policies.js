// The policies in force, the effective file with its warnings, and what is advised. Each is asked for when it is unfolded, and again
// when another generation takes over.

import {ask, why} from "./gateway.js";
import {$, el, say, table} from "./dom.js";
import {warningList} from "./file.js";
import {count, counted, duration} from "./words.js";

let current = null; // which policies are in force
const asked = new Map(); // by panel: those that it shows

const panels = {
  "policies-panel": {body: "policies-body", path: "/policies", draw: drawPolicies},
  "effective-panel": {body: "effective-body", path: "/config", draw: drawEffective},
  "advice-panel": {body: "advice-body", path: "/advice", draw: drawAdvice},
};

// renew has the panels that are open show what is in force now.
export function renew(now) {
  current = now;
  for (const id of Object.keys(panels)) show(id);
}

async function show(id) {
  if (!$(id).open || asked.get(id) === current) return;
  asked.set(id, current);
  const {body, path, draw} = panels[id];
  try {
    $(body).replaceChildren(...draw(await ask(path)));
  } catch (error) {
    asked.delete(id);
    $(body).replaceChildren(el("p.bad", `This cannot be told now: ${why(error)}.`));
  }
}

export function setUpPolicies() {
  for (const id of Object.keys(panels)) $(id).ontoggle = () => show(id);
  $("advice-again").onclick = () => {
    asked.delete("advice-panel");
    show("advice-panel");
  };
}

function drawPolicies(answer) {
  return [table("Policies in force", [["Policy", "Kind", "Routes", "Timers, with where they are written"], ...(answer.policies ?? []).map((policy) => [
    policy.name || "of its own", [policy.kind, ...(policy.dry_run ? [" ", el("span.tag", "dry run")] : [])], routesOf(policy), timersOf(policy),
  ])])];
}

function routesOf(policy) {
  const names = policy.routes ?? [];
  return names.length <= 6 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}

function timersOf(policy) {
  return (policy.timers ?? []).filter((timer) => timer.value_seconds !== null || timer.dry_run_seconds !== null).map((timer) => el("span.timer",
    `${timer.timer} `, el("b", timer.value_seconds === null ? "off" : duration(timer.value_seconds)),
    timer.dry_run_seconds === null ? "" : `, dry run ${duration(timer.dry_run_seconds)}`,
    el("span.muted", ` ${timer.from}`)));
}

function drawEffective(answer) {
  const warnings = answer.warnings ?? [];
  return [
    el(warnings.length > 0 ? "p.warn" : "p.muted", warnings.length > 0 ? counted(warnings.length, "warning") : "No warnings."),
    ...warningList(warnings), ...copyable(answer.yaml, "the effective policy file"),
  ];
}

// copyable shows a text that is to be pasted, with a button that copies it.
function copyable(text, what) {
  const source = el("pre.source", {tabIndex: 0, role: "region", "aria-label": what}, text);
  const button = el("button.act.copy", "Copy", el("span.hidden", ` ${what}`));
  button.onclick = () => copy(text, source, button);
  return [el("div.copyable", button, source)];
}

// copy falls back to selecting the text: browsers give the clipboard only to pages of this machine or of https.
async function copy(text, source, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.firstChild.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.firstChild.textContent = "Selected";
  }
  say(`${button.firstChild.textContent}.`);
}

function drawAdvice(answer) {
  return (answer.advices ?? []).map((advice) => el("article.advice",
    el("h4", advice.route, el("span.muted", ` policy ${advice.policy || "of its own"}: `), verdict(advice)),
    el("p.muted.small", `${counted(advice.connections, ...(advice.timer === "message_timeout" ? ["message", "messages"] : ["connection", "connections"]))} seen in ${duration(advice.observed_seconds)}; ${advice.timer} ${inForce(advice)}`),
    ...(advice.basis ? [el("p.small", `Certainty: ${advice.certainty}. ${advice.basis}`)] : []),
    el("ul.changes.small", ...(advice.reasons ?? []).map((reason) => el("li", reason))),
    ...candidates(advice), ...(advice.yaml ? copyable(advice.yaml, `what to paste for ${advice.route}`) : []),
    ...(advice.trial_yaml ? [el("p.small", "Or watch it first:"), ...copyable(advice.trial_yaml, `a dry run for ${advice.route}`)] : [])));
}

function verdict(advice) {
  if (!advice.enough) return `${advice.timer}: ${advice.kind === "short" && advice.timer === "idle_timeout" ? "nothing to advise" : "too little is known"}`;
  if (advice.recommended_seconds === null) return `${advice.timer}: off`;
  return `${advice.timer} ${duration(advice.recommended_seconds)}`;
}

function inForce(advice) {
  const dry = advice.dry_run_seconds === null ? "" : `; dry run ${duration(advice.dry_run_seconds)} counted ${count(advice.dry_run_counted)}, of which ${count(advice.dry_run_false_cuts)} spoke again`;
  return (advice.in_force_seconds === null ? "off" : duration(advice.in_force_seconds)) + dry;
}

function candidates(advice) {
  const all = advice.candidates ?? [];
  if (all.length === 0) return [];
  const least = (candidate, text) => candidate.unknown ? `≥ ${text}` : text;
  return [table(`Candidates for ${advice.route}`, [["#Timeout", "#False cuts", "#Dead cuts", "#Hours reclaimed"], ...all.map((candidate) => [
    duration(candidate.timeout_seconds),
    ...[count(candidate.cut_spoke), count(candidate.cut_dead), candidate.reclaimed_hours.toFixed(1)].map((text) => least(candidate, text)),
  ])], ".candidates")];
}
