// What happens, as the gateway tells it (/api/v1/events). Where it does not, or tells more than can be read, the page asks for ends
// instead, and says so.

import {$, put} from "./dom.js";

const retry = 5000, calm = 60000; // ms: until a lost stream is opened again, and until ends are listened to again after a storm

let source = null, storm = false;
let hears = () => {};     // called with each event
let changed = () => {};   // called when the stream is there or lost

// isLive reports whether ends are told.
export function isLive() {
  return source?.readyState === EventSource.OPEN && !storm;
}

// listen opens the stream; heard gets what comes, turned is called when it is there and when it is lost.
export function listen(heard, turned) {
  hears = heard;
  changed = turned;
  open();
}

function open() {
  const kinds = ["reload", "health", "deed", "alarm", "alarm_over", ...(storm ? [] : ["ended"])];
  const mine = source = new EventSource("/api/v1/events?last=50&kind=" + kinds.join(","));
  mine.addEventListener("open", () => turn(storm ? "more ends than can be told each: the last are asked for" : ""));
  for (const kind of kinds) mine.addEventListener(kind, (event) => hears(JSON.parse(event.data)));
  mine.addEventListener("dropped", () => {
    storm = true;
    reopen(mine, 0);
    setTimeout(() => {
      storm = false;
      reopen(source, 0);
    }, calm);
  });
  mine.addEventListener("error", () => reopen(mine, retry));
}

function reopen(mine, wait) {
  if (mine !== source || !mine) return; // another has taken its place
  mine.close();
  source = null;
  turn("events are not heard: the page asks every few seconds instead");
  setTimeout(() => source ?? open(), wait);
}

function turn(words) {
  put($("stream"), words);
  $("stream").hidden = words === "";
  changed();
}
