// What an edit would change and which connections it would end, before it is made.

import {ask, Refusal, why} from "./gateway.js";
import {$, el, say, table} from "./dom.js";
import {changeLists, problems} from "./file.js";
import {count, counted, duration, tally} from "./words.js";

export function setUpPlan() {
  $("plan-form").onsubmit = (event) => {
    event.preventDefault();
    const text = $("plan-text").value;
    if (text.trim() === "") {
      $("plan-result").replaceChildren(el("p.warn", "Paste the edited file first, or plan the file as it is on the gateway's disk."));
      return;
    }
    plan(text);
  };
  $("plan-own").onclick = () => plan(undefined);
  $("plan-fill").onclick = fill;
}

// fill puts the policy in force into the box, to be edited there.
async function fill() {
  try {
    $("plan-text").value = (await ask("/config")).yaml;
    $("plan-text").focus();
  } catch (error) {
    $("plan-result").replaceChildren(el("p.bad", `The policy in force cannot be had: ${why(error)}.`));
  }
}

async function plan(text) {
  const result = $("plan-result");
  result.setAttribute("aria-busy", "true");
  try {
    draw(await ask("/plan", "POST", text));
  } catch (error) {
    if (error instanceof Refusal && error.status === 422 && error.body?.ok === false) draw(error.body);
    else result.replaceChildren(el("p.bad", `It was not planned: ${why(error)}.`));
  }
  result.removeAttribute("aria-busy");
  say(result.querySelector("p")?.textContent ?? "");
}

function draw(plan) {
  $("plan-result").classList.toggle("refused", !plan.ok);
  if (!plan.ok) {
    $("plan-result").replaceChildren(el("p", el("b.bad", "This file would be refused"), `: ${plan.error}. Generation ${plan.generation} would stay in force.`), ...problems(plan));
    return;
  }
  const touched = (plan.routes ?? []).filter((route) => route.becomes !== "kept" || ends(route.at_once) + ends(route.within_hour) > 0);
  const atOnce = sum(plan.routes, "at_once"), later = sum(plan.routes, "within_hour");
  const changes = (plan.changes ?? []).length;
  const head = changes + (plan.pending ?? []).length === 0 ? "Nothing would change."
    : `${counted(changes, "change")} would take over. ${fate(atOnce, later, plan)}`;
  $("plan-result").replaceChildren(el("p", el("b", head)), ...changeLists(plan), ...(touched.length > 0 ? [tableOf(touched)] : []),
    el("p.muted.small", "As things stand: a client that speaks in time is not ended. Nothing has been changed."));
}

function fate(atOnce, later, plan) {
  if (atOnce + later === 0) return "No open connection would end.";
  const grace = atOnce > 0 ? ` within ${duration(plan.edit_grace_seconds)}` : "";
  return `${counted(atOnce, "open connection")} would end at once${grace}, ${count(later)} more within the hour.`;
}

const ends = (byTimer) => Object.values(byTimer ?? {}).reduce((a, b) => a + b, 0);
const sum = (routes, member) => (routes ?? []).reduce((total, route) => total + ends(route[member]), 0);

function tableOf(routes) {
  return table("Connections that would end", [["Route", "Becomes", "#Open now", "#At once", "By", "#Within an hour", "By"], ...routes.map((route) => [
    route.route, route.becomes, count(route.connections), count(ends(route.at_once)), tally(route.at_once), count(ends(route.within_hour)), tally(route.within_hour),
  ])]);
}
