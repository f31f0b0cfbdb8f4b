// The calls of /api/v1.

import {notice} from "./dom.js";

const patience = 5000; // ms; the gateway's own loops answer within the same time or not at all
const longPatience = 25000; // of what reads the policy file: names and certificates are looked up

// Refusal is an answer that is not a success; other errors of fetch mean that there was no answer.
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error || `the gateway answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

export async function ask(path, method = "GET", body = undefined, headers = {}) {
  const wait = path.startsWith("/reload") || path.startsWith("/plan") ? longPatience : patience;
  const response = await fetch("/api/v1" + path, {
    method, body, cache: "no-store", signal: AbortSignal.timeout(wait), headers: {Accept: "application/json", ...headers},
  });
  const answer = await response.json().catch(() => null); // a proxy's error page is no JSON
  if (!response.ok || answer === null) throw new Refusal(response.status, answer);
  return answer;
}

// why says in words what became of a call that failed.
export function why(error) {
  return error instanceof Refusal ? error.message : "the gateway cannot be reached";
}

// order makes a call that changes something, has the page say what became of it, and reports whether it was done.
export async function order(path, method, done, failed) {
  try {
    await ask(path, method);
    notice(done);
    return true;
  } catch (error) {
    notice(`${failed}: ${why(error)}.`, true);
    return false;
  }
}

// askAll makes calls by name, two at a time, since the gateway takes few connections of its operators and there may be many pages. It
// gives what came, and the errors of those that failed; one that fails leaves the others alone.
export async function askAll(paths, headers) {
  const got = {}, errors = [], left = Object.entries(paths);
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [name, path] = next;
      try {
        got[name] = await ask(path, "GET", undefined, headers);
      } catch (error) {
        errors.push(Object.assign(error, {part: name}));
      }
    }
  };
  await Promise.all([work(), work()]);
  return {got, errors};
}
