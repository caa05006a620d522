// Asking the API. Whatever it refuses comes as a Problem with the same words as in the log.

export class Problem extends Error {
  constructor(status, detail, code = "") {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

let onSignedOut = () => {};
export const whenSignedOut = (handler) => { onSignedOut = handler; };

/** `ask("GET", "/api/v1/agents", { query, body, signal, raw })`: the answer's JSON. Throws Problem. */
export async function ask(method, path, { query, body, signal, headers = {}, raw = false } = {}) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") given.append(key, one);
    }
  }
  const address = given.size ? `${path}?${given}` : path;
  const options = { method, signal, headers: { Accept: "application/json", ...headers } };
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The host does not answer. Is it running?");
  }
  if (!answer.ok) throw await problemOf(answer);
  if (raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

async function problemOf(answer) {
  let told = {};
  try { told = await answer.json(); } catch { /* not ours: the status says enough */ }
  if (answer.status === 401) onSignedOut();
  return new Problem(answer.status, told.detail ?? `The host answered ${answer.status}.`, told.code ?? "");
}

export const get = (path, query, more) => ask("GET", path, { query, ...more });
export const post = (path, body, more) => ask("POST", path, { body: body ?? {}, ...more });
export const put = (path, body, more) => ask("PUT", path, { body, ...more });
export const patch = (path, body, more) => ask("PATCH", path, { body, ...more });
export const del = (path, more) => ask("DELETE", path, more);

/** Read server-sent events of one answer: `onEvent(name, data)`. Ends with the stream. Throws Problem. */
export async function stream(method, path, { body, query, signal, onEvent }) {
  const answer = await ask(method, path, { body, query, signal, raw: true, headers: { Accept: "text/event-stream" } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
      }
      if (data.length) onEvent(name, JSON.parse(data.join("\n")));
    }
  }
}

/** A stream that is taken up again when it breaks, until `signal` says stop. `onState(connected)`. */
export async function follow(path, { query, signal, onEvent, onState = () => {} }) {
  let wait = 500;
  while (!signal.aborted) {
    try {
      onState(true);
      await stream("GET", path, { query, signal, onEvent: (name, data) => { wait = 500; onEvent(name, data); } });
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      if (error.status >= 400 && error.status < 500) throw error;
    }
    onState(false);
    await new Promise((resolve) => { setTimeout(resolve, wait); signal.addEventListener("abort", resolve, { once: true }); });
    wait = Math.min(wait * 2, 15000);
  }
}
