// What an edit would change and which connections it would end, before it is made.

import {ask, Refusal, why} from "./gateway.js";
import {$, el, say} from "./dom.js";
import {changeLists, problems} from "./file.js";
import {count, counted, duration} from "./words.js";

export function setUpPlan() {
  $("plan-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("plan-text").value;
    if (text.trim() === "") {
      $("plan-result").replaceChildren(el("p", {className: "warn"}, "Paste the edited file first, or plan the file as it is on the gateway's disk."));
      return;
    }
    plan(text);
  });
  $("plan-own").addEventListener("click", () => plan(undefined));
  $("plan-fill").addEventListener("click", fill);
}

// fill puts the policy in force into the box, to be edited there.
async function fill() {
  try {
    $("plan-text").value = (await ask("/config")).yaml;
    $("plan-text").focus();
  } catch (error) {
    $("plan-result").replaceChildren(el("p", {className: "bad"}, `The policy in force cannot be had: ${why(error)}.`));
  }
}

async function plan(text) {
  const result = $("plan-result");
  result.setAttribute("aria-busy", "true");
  try {
    draw(await ask("/plan", "POST", text));
  } catch (error) {
    if (error instanceof Refusal && error.status === 422 && error.body?.ok === false) draw(error.body);
    else result.replaceChildren(el("p", {className: "bad"}, `It was not planned: ${why(error)}.`));
  }
  result.removeAttribute("aria-busy");
  say(result.querySelector("p")?.textContent ?? "");
}

function draw(plan) {
  $("plan-result").classList.toggle("refused", !plan.ok);
  if (!plan.ok) {
    $("plan-result").replaceChildren(el("p", {}, el("b", {className: "bad"}, "This file would be refused"), `: ${plan.error}. Generation ${plan.generation} would stay in force.`), ...problems(plan));
    return;
  }
  const touched = (plan.routes ?? []).filter((route) => route.becomes !== "kept" || ends(route.at_once) + ends(route.within_hour) > 0);
  const atOnce = sum(plan.routes, "at_once"), later = sum(plan.routes, "within_hour");
  const changes = (plan.changes ?? []).length;
  const head = changes + (plan.pending ?? []).length === 0 ? "Nothing would change."
    : `${counted(changes, "change", "changes")} would take over. ${fate(atOnce, later, plan)}`;
  $("plan-result").replaceChildren(el("p", {}, el("b", {}, head)), ...changeLists(plan), ...(touched.length > 0 ? [table(touched)] : []),
    el("p", {className: "muted small"}, "As things stand: a client that speaks in time is not ended. Nothing has been changed."));
}

function fate(atOnce, later, plan) {
  if (atOnce + later === 0) return "No open connection would end.";
  const grace = atOnce > 0 ? ` within ${duration(plan.edit_grace_seconds)}` : "";
  return `${counted(atOnce, "open connection", "open connections")} would end at once${grace}, ${count(later)} more within the hour.`;
}

const ends = (byTimer) => Object.values(byTimer ?? {}).reduce((a, b) => a + b, 0);
const sum = (routes, member) => (routes ?? []).reduce((total, route) => total + ends(route[member]), 0);

function table(routes) {
  const words = (byTimer) => Object.entries(byTimer ?? {}).filter(([, n]) => n > 0).map(([timer, n]) => `${timer} ${count(n)}`).join(", ");
  const cell = (text, figure) => el("td", {className: figure ? "figure" : ""}, text);
  const rows = routes.map((route) => el("tr", {}, el("th", {scope: "row"}, route.route), cell(route.becomes), cell(count(route.connections), true),
    cell(count(ends(route.at_once)), true), cell(words(route.at_once)), cell(count(ends(route.within_hour)), true), cell(words(route.within_hour))));
  const heads = [["Route"], ["Becomes"], ["Open now", true], ["At once", true], ["By"], ["Within an hour", true], ["By"]];
  return el("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": "Connections that would end"},
    el("table", {className: "loose"}, el("caption", {className: "hidden"}, "Connections that the edit would end"),
      el("thead", {}, el("tr", {}, ...heads.map(([text, figure]) => el("th", {scope: "col", className: figure ? "figure" : ""}, text)))),
      el("tbody", {}, ...rows)));
}
