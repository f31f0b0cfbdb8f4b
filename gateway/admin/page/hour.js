// The last hour of every route, as the gateway keeps it. It is asked for whole once, then by its last minutes.

const minutes = 60, span = 60000; // of an hour; ms of a minute
const every = 9000;               // ms between two looks: at every fifth poll

const kept = new Map(); // by route: a Map from the number of a minute to the minute
let running = 0;        // number of the minute that is not over
let asked = 0;          // when it was asked for last, by the browser's clock
let whole = false;      // the whole hour was had, and no gap has come since

// historyPath is what to ask for now; null: nothing yet.
export function historyPath() {
  if (!whole) return "/history";
  const gone = Date.now() - asked;
  if (gone < every) return null;
  return `/history?minutes=${Math.min(minutes, 2 + Math.ceil(gone / span))}`;
}

// keep takes an answer.
export function keep(answer) {
  asked = Date.now();
  whole = true;
  running = Math.floor(Date.parse(answer.now) / span);
  const routes = new Set((answer.histories ?? []).map((history) => history.route));
  for (const name of [...kept.keys()]) if (!routes.has(name)) kept.delete(name);
  for (const history of answer.histories ?? []) {
    const mine = kept.get(history.route) ?? new Map();
    kept.set(history.route, mine);
    for (const minute of history.minutes ?? []) mine.set(Math.floor(Date.parse(minute.at) / span), minute);
    for (const number of mine.keys()) if (number <= running - minutes) mine.delete(number);
  }
}

// hourOf gives the 60 minutes of a route, the running one last; undefined where nothing is known of one. start is when the first began.
export function hourOf(route) {
  const mine = kept.get(route);
  const first = running - minutes + 1;
  return {start: first * span, minutes: Array.from({length: minutes}, (_, i) => mine?.get(first + i))};
}

// total adds up a member over the hour.
export function total(hour, member) {
  return hour.minutes.reduce((sum, minute) => sum + (minute?.[member] ?? 0), 0);
}
