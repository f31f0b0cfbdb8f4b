// The calls of /api/v1.

const patience = 5000; // ms; the gateway's own loops answer within the same time or not at all

// Refusal is an answer that is not a success; other errors of fetch mean that there was no answer.
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error || `the gateway answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

export async function ask(path, method = "GET") {
  const response = await fetch("/api/v1" + path, {
    method, cache: "no-store", signal: AbortSignal.timeout(patience), headers: {Accept: "application/json"},
  });
  const body = await response.json().catch(() => null); // a proxy's error page is no JSON
  if (!response.ok || body === null) throw new Refusal(response.status, body);
  return body;
}

// why says in words what became of a call that failed.
export function why(error) {
  return error instanceof Refusal ? error.message : "the gateway cannot be reached";
}
