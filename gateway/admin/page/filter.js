// The fields that say which connections are looked for. They follow the address, and the address them.

import {follow, want, wanted} from "./address.js";
import {$, el} from "./dom.js";
import {reasons} from "./reasons.js";

const fields = {q: "q", route: "by-route", endpoint: "by-endpoint", state: "by-state", idle: "by-idle", reason: "by-reason"};

// drawChoices lists the routes and endpoints to choose from. One that is wanted stays to be seen, also where it has gone.
export function drawChoices(routes, upstreams) {
  if (routes) choices($("by-route"), (routes.routes ?? []).map((route) => route.name), wanted.route);
  const endpoints = (upstreams?.upstreams ?? []).flatMap((upstream) => (upstream.endpoints ?? []).map((endpoint) => endpoint.address));
  if (upstreams) choices($("by-endpoint"), [...new Set(endpoints)], wanted.endpoint);
}

function choices(select, names, chosen) {
  const all = chosen && !names.includes(chosen) ? [...names, chosen] : names;
  const drawn = JSON.stringify(all);
  if (select.dataset.drawn !== drawn) {
    select.dataset.drawn = drawn;
    select.replaceChildren(el("option", {value: ""}, "all"), ...all.map((name) => el("option", {value: name}, name)));
  }
  if (select.value !== chosen) select.value = chosen;
}

function draw() {
  choices($("by-route"), optionsOf($("by-route")), wanted.route);
  choices($("by-endpoint"), optionsOf($("by-endpoint")), wanted.endpoint);
  for (const [name, id] of Object.entries(fields)) if ($(id).value !== wanted[name] && document.activeElement !== $(id)) $(id).value = wanted[name];
  $("clear").hidden = !["q", "route", "endpoint", "state", "idle"].some((name) => wanted[name]);
  $("of-route").hidden = wanted.route === "";
  $("of-route").textContent = `of route ${wanted.route}`;
}

const optionsOf = (select) => [...select.options].map((option) => option.value).filter(Boolean);

export function setUpFilter() {
  choices($("by-reason"), reasons, wanted.reason);
  let typing;
  for (const name of ["q", "idle"]) {
    const field = $(fields[name]);
    const take = () => want({[name]: field.value.trim(), page: "1"}, name === "q");
    field.addEventListener(name === "q" ? "input" : "change", () => {
      clearTimeout(typing);
      typing = setTimeout(take, name === "q" ? 200 : 0);
    });
  }
  for (const name of ["route", "endpoint", "state", "reason"]) {
    $(fields[name]).onchange = () => want({[name]: $(fields[name]).value, ...(name === "reason" ? {} : {page: "1"})});
  }
  $("filter").onsubmit = (event) => {
    event.preventDefault();
    want({q: $("q").value.trim(), idle: $("by-idle").value.trim(), page: "1"});
  };
  $("clear").onclick = () => {
    $("q").focus(); // the button goes
    $("q").value = "";
    want({q: "", route: "", endpoint: "", state: "", idle: "", page: "1"});
  };
  follow(draw);
  draw();
}
