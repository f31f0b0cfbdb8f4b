// The status page: it asks the gateway every 2 s, draws what comes, and says so when nothing does.
//
// One round asks for all parts at once, and each part draws by itself, so that one which cannot be had leaves the others
// alone. Rounds never overlap: what asks for one while one is under way has another follow it.

import {drawChoice, drawConnections, drawPolicies, query, setUpTable} from "./connections.js";
import {drawDetails, setUpDetails} from "./details.js";
import {$, dismiss, mark, put, say} from "./dom.js";
import {drawEnded} from "./ended.js";
import {ask, Refusal, why} from "./gateway.js";
import {drawStatus, setUpReload} from "./head.js";
import {drawHistories, drawRoutes, drawSilences} from "./routes.js";
import {drawUpstreams} from "./upstreams.js";
import {clock} from "./words.js";

const every = 2000, everyHidden = 30000; // ms
const roundsPerHistory = 5; // minutes pass slowly

let timer, running = false, again = false;
let rounds = 0, lastHistory = -roundsPerHistory;
let generation = null; // of which the policies were asked for
let lost = null;       // since when the gateway does not answer

async function poll() {
  clearTimeout(timer);
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    judge(await round());
  } finally {
    running = false;
    timer = setTimeout(poll, again ? 0 : document.hidden ? everyHidden : every);
    again = false;
  }
}

// round gives the errors of the parts that failed.
async function round() {
  const asked = query();
  const withHistory = rounds - lastHistory >= roundsPerHistory;
  rounds++;
  const parts = {
    status: "/status", routes: "/routes", silences: "/silence", upstreams: "/upstreams",
    connections: "/connections?" + asked, ended: "/ended?limit=20", ...(withHistory ? {histories: "/history"} : {}),
  };
  const errors = [], got = {};
  await Promise.all(Object.entries(parts).map(async ([name, path]) => {
    try {
      got[name] = await ask(path);
    } catch (error) {
      errors.push(error);
    }
  }));
  await renewPolicies(got.status, errors);
  if (asked !== query()) delete got.connections;
  if (got.histories) lastHistory = rounds;
  draw(got);
  await drawDetails();
  return errors;
}

async function renewPolicies(status, errors) {
  if (!status || status.config.generation === generation) return;
  try {
    drawPolicies(await ask("/policies"));
    generation = status.config.generation;
  } catch (error) {
    errors.push(error);
  }
}

function draw({status, routes, silences, upstreams, connections, ended, histories}) {
  if (status) drawStatus(status);
  if (routes) drawRoutes(routes);
  if (routes) drawChoice(routes);
  if (routes && silences) drawSilences(silences, routes);
  if (histories) drawHistories(histories);
  if (upstreams) drawUpstreams(upstreams, status?.now ?? new Date().toISOString(), poll);
  if (connections) drawConnections(connections, poll);
  if (ended) drawEnded(ended);
}

// judge says whether the gateway answers, and since when it does not. Refused parts leave figures of an earlier time on
// the page too, and are told in the gateway's own words.
function judge(errors) {
  const silent = errors.find((error) => !(error instanceof Refusal));
  const error = silent ?? errors[0];
  document.body.classList.toggle("stale", Boolean(error));
  if (!error) {
    if (lost) say("The gateway answers again.");
    lost = null;
    $("alert").hidden = true;
    mark($("contact"), "live", "good");
    put($("contact-at"), clock(Date.now()));
    return;
  }
  lost ??= Date.now();
  $("alert").hidden = false;
  put($("alert"), silent
    ? `The gateway cannot be reached since ${clock(lost)}. What you see is from before.`
    : `Since ${clock(lost)} the gateway does not tell all: ${why(error)}. Some of what you see is from before.`);
  put($("contact-at"), `since ${clock(lost)}`);
  mark($("contact"), silent ? "not reached" : "incomplete", "bad");
  if (silent) document.title = "not reached · idlegate";
}

setUpReload(poll);
setUpTable(poll);
setUpDetails();
$("dismiss").addEventListener("click", dismiss);
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
