// The status page: it hears what happens, asks the gateway every 2 s for figures, draws what comes, and says so when nothing does.
//
// One round asks for all parts that are to be seen, and each part draws by itself, so that one which cannot be had leaves the others
// alone. Rounds never overlap: what asks for one while one is under way has another follow it.

import {follow} from "./address.js";
import {drawNow, setUpAlarms} from "./alarms.js";
import {keepSilences} from "./card.js";
import {drawConnections, drawPolicies, hearGone, listing, query, refuseFilter, setUpTable} from "./connections.js";
import {drawDetails, setUpDetails} from "./details.js";
import {$, dismiss, mark, put, say} from "./dom.js";
import {askEnded, drawEnded, endedPath, hearEnded, refuseEnded, setUpEnded} from "./ended.js";
import {hearEvent} from "./events.js";
import {drawFile, setUpFile} from "./file.js";
import {drawChoices, setUpFilter} from "./filter.js";
import {ask, askAll, Refusal, why} from "./gateway.js";
import {drawStatus} from "./head.js";
import {historyPath, keep} from "./hour.js";
import {drawLevel, setUpLevers} from "./levers.js";
import {setUpPlan} from "./plan.js";
import {renew, setUpPolicies} from "./policies.js";
import {drawRoutes, openCards, setUpRoutes} from "./routes.js";
import {listen} from "./stream.js";
import {drawUpstreams} from "./upstreams.js";
import {clock, passing} from "./words.js";

const every = 2000, everyLarge = 4000, everyHidden = 30000; // ms
const shared = {"Cache-Control": "max-age=1"}; // of polls by the timer: an answer will do that another page got a second ago
const large = 60; // routes from which on a round costs more than a glance is worth

let timer, near, running = false, again = false;
let policies = null;   // which were asked for
let routes = 0;        // how many there are
let answered = null;   // when a round was answered last, wholly
let lost = null;       // since when the gateway does not answer

// poll asks afresh, unless headers say otherwise.
async function poll(headers) {
  clearTimeout(timer);
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    noteAnswers(await round(headers));
  } finally {
    running = false;
    timer = again ? setTimeout(poll) : setTimeout(poll, untilBeat(document.hidden ? everyHidden : routes > large ? everyLarge : every), shared);
    again = false;
  }
}

// untilBeat gives the ms until the pages of all ask, which is at once, as they share the answers; at least 1 s, so that none is older than what
// is drawn.
function untilBeat(every) {
  const left = every - Date.now() % every;
  return left < 1000 ? left + every : left;
}

// soon polls in a moment, for many events at once.
function soon() {
  near ??= setTimeout(() => {
    near = null;
    poll();
  }, 200);
}

// round gives the errors of the parts that failed.
async function round(headers) {
  const began = performance.now(), asked = query(), cards = openCards(), ended = endedPath();
  const parts = {
    status: "/status", routes: "/routes", upstreams: "/upstreams", history: historyPath(), ended, connections: listing(),
    silences: cards.length === 0 ? null : cards.length === 1 ? "/silence?" + new URLSearchParams({route: cards[0]}) : "/silence",
  };
  const {got, errors} = await askAll(Object.fromEntries(Object.entries(parts).filter(([, path]) => path)), headers);
  await renewPolicies(got.status, errors);
  if (asked !== query()) delete got.connections;
  draw(got, ended, began);
  await drawDetails();
  return errors.filter((error) => !isOfFilter(error));
}

// isOfFilter reports whether an error is about what was looked for, and has it told there.
function isOfFilter(error) {
  const refuse = {connections: refuseFilter, ended: refuseEnded}[error.part];
  if (!refuse || ![400, 404].includes(error.status)) return false;
  refuse(error.message);
  return true;
}

async function renewPolicies(status, errors) {
  if (!status) return;
  const now = `${status.config.generation} ${status.config.loaded_at}`; // another gateway begins to count again
  renew(now);
  if (now === policies) return;
  try {
    drawPolicies(await ask("/policies"));
    policies = now;
  } catch (error) {
    errors.push(error);
  }
}

function draw(got, endedAsked, began) {
  const now = got.status?.now ?? new Date().toISOString();
  if (got.status) {
    drawStatus(got.status);
    drawNow(got.status, poll);
    drawLevel(got.status.by_hand ?? []);
    drawFile(got.status.config, began);
  }
  if (got.history) keep(got.history);
  if (got.silences) keepSilences(got.silences);
  if (got.routes) {
    routes = (got.routes.routes ?? []).length;
    drawRoutes(got.routes, got.upstreams?.upstreams, got.status?.refused, poll);
  }
  drawChoices(got.routes, got.upstreams);
  if (got.upstreams) drawUpstreams(got.upstreams, now, poll);
  if (got.connections) drawConnections(got.connections, poll);
  if (got.ended) drawEnded(got.ended, endedAsked);
  for (const time of document.querySelectorAll("time")) put(time, clock(time.dateTime)); // another day, or zone
}

// noteAnswers notes whether the gateway answers, and since when it does not. Refused parts leave figures of an earlier time on
// the page too, and are told in the gateway's own words.
function noteAnswers(errors) {
  const silent = errors.find((error) => !(error instanceof Refusal));
  const error = silent ?? errors[0];
  document.body.classList.toggle("stale", Boolean(error));
  $("gone").hidden = !error;
  if (!error) {
    if (lost) say("The gateway answers again.");
    lost = null;
    if (!answered) document.querySelector(":target")?.scrollIntoView({behavior: "instant"}); // what is above it was not there yet
    answered = Date.now();
    mark($("contact"), "live", "good");
    put($("contact-at"), clock(answered));
    return;
  }
  lost ??= Date.now();
  put($("alert"), silent
    ? `The gateway cannot be reached since ${clock(lost)}. What you see is from before.`
    : `Since ${clock(lost)} the gateway does not tell all: ${why(error)}. Some of what you see is from before.`);
  tellAge();
  put($("contact-at"), `since ${clock(lost)}`);
  mark($("contact"), silent ? "not reached" : "incomplete", "bad");
  if (silent) document.title = `not reached · ${$("host").textContent} · idlegate`;
}

// tellAge says how old the figures are, while they grow older.
function tellAge() {
  if (lost) put($("age"), answered ? `It is ${passing((Date.now() - answered) / 1000)} old.` : "Nothing has been heard yet.");
}

// hear takes one event. Ends are drawn as they are; what else happens shows in the figures, which are asked for at once.
function hear(event) {
  if (event.kind === "ended") {
    hearEnded(event.ended);
    hearGone(event.ended.id);
    return;
  }
  hearEvent(event);
  soon();
}

setUpAlarms();
setUpFile(poll);
setUpRoutes();
setUpFilter();
setUpTable(poll);
setUpEnded(poll);
setUpLevers(poll);
setUpPlan();
setUpPolicies();
setUpDetails();
listen(hear, () => {
  askEnded();
  soon();
});
follow((changed) => changed.has("open") && poll());
setInterval(tellAge, 1000);
$("dismiss").addEventListener("click", dismiss);
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
