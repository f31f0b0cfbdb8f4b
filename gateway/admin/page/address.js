// What somebody looks for, kept in the address of the page, so that it can be sent to a colleague, and gone back and forth in.

const defaults = {
  q: "", route: "", endpoint: "", state: "", idle: "", sort: "due", page: "1", // of the open connections
  reason: "",                                                                // of those that have ended, whose route is the same
  open: "", all: "",                                                         // routes that are unfolded, and whether all are listed
};

export const wanted = read();
const followers = [];

function read() {
  const given = new URLSearchParams(location.search);
  const all = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, given.get(name) || value]));
  return /^[1-9]\d{0,5}$/.test(all.page) ? all : {...all, page: "1"}; // an address may come damaged
}

// address gives the one for what is wanted with some of it changed.
export function address(change = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({...wanted, ...change})) {
    if (value !== defaults[name]) query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? location.pathname : "?" + text;
}

// want changes what is wanted. Each change is a step to go back by, unless it is one of many in a row (passing), as while one types.
export function want(change, passing = false) {
  const changed = Object.keys(change).filter((name) => wanted[name] !== change[name]);
  if (changed.length === 0) return;
  const to = address(change);
  Object.assign(wanted, change);
  history[passing ? "replaceState" : "pushState"](null, "", to);
  tell(changed);
}

// follow has heard called with the names of what has changed, by want or by going back and forth.
export function follow(heard) {
  followers.push(heard);
}

function tell(changed) {
  for (const heard of followers) heard(new Set(changed));
}

addEventListener("popstate", () => {
  const now = read();
  const changed = Object.keys(now).filter((name) => now[name] !== wanted[name]);
  Object.assign(wanted, now);
  if (changed.length > 0) tell(changed);
});

// unfolded are the routes whose cards are wanted.
export function unfolded() {
  return new Set(wanted.open.split(",").filter(Boolean)); // no name has a comma in it
}

// unfold opens or folds the card of a route.
export function unfold(route, on) {
  const all = unfolded();
  all[on ? "add" : "delete"](route);
  want({open: [...all].join(",")}, true);
}
