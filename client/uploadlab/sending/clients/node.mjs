// Sends what node.py asks for, by Node's own modules, and by tus-js-client: a JSON line each way.
import * as fs from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import * as readline from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const BLOCK_BYTES = 1 << 20;
const CHUNK_BYTES = 8 << 20; // of a resumable upload
let agent = null; // the connections of one upload

// fetch would use connections of earlier uploads, and has no option for a CA file: both are an Agent's, which
// is undici's. Node does not export undici; the Agent that fetch uses by default is one.
function agentOf(upload) {
  new Request("http://localhost/"); // loads undici
  const names = Object.getOwnPropertySymbols(globalThis).map((symbol) => symbol.description ?? "");
  const newest = names.filter((name) => name.startsWith("undici.globalDispatcher")).sort().at(-1);
  if (!newest) throw { cannot: `fetch of Node ${process.versions.node} does not show its connections` };
  const Agent = globalThis[Symbol.for(newest)].constructor;
  return new Agent({ connect: trust(upload) });
}

function trust(upload) {
  if (upload.insecure) return { rejectUnauthorized: false };
  return upload.ca_file ? { ca: fs.readFileSync(upload.ca_file) } : {};
}

const fetched = (upload, url, init) => fetch(url, { dispatcher: (agent ??= agentOf(upload)), ...init });

async function sent(upload, init) {
  const headers = { ...upload.headers, ...init.headers };
  const response = await fetched(upload, upload.url, { method: upload.verb, ...init, headers });
  const content = Buffer.from(await response.arrayBuffer());
  return { status: response.status, content, location: response.headers.get("location"), protocol: "" };
}

async function blob(upload) {
  if (!fs.openAsBlob) throw { cannot: `Node ${process.versions.node} has no fs.openAsBlob, which is new in 19.8` };
  return fs.openAsBlob(upload.path);
}

const webStream = (upload, more) => Readable.toWeb(fs.createReadStream(upload.path, more));

function formOf(upload, file) {
  const form = new FormData();
  for (const [name, value] of upload.others) form.append(name, value);
  form.append(upload.field, file, upload.name);
  return { body: form };
}

const WAYS = {
  get: async (upload) => sent({ ...upload, url: upload.first_url, headers: {}, verb: "GET" }, {}),
  stream: async (upload) => sent(upload, { body: await blob(upload) }),
  "stream-length": (upload) =>
    sent(upload, { body: webStream(upload), duplex: "half", headers: { "Content-Length": String(upload.size_bytes) } }),
  chunked: (upload) => sent(upload, { body: webStream(upload), duplex: "half" }),
  "chunked-1m": (upload) => sent(upload, { body: webStream(upload, { highWaterMark: BLOCK_BYTES }), duplex: "half" }),
  form: async (upload) => sent(upload, formOf(upload, await blob(upload))),
  "form-readfile": async (upload) => sent(upload, formOf(upload, new Blob([await readFile(upload.path)]))),
  "stream-h2": sentByHttp2,
  resumable: (upload) => sentByTus(upload, {}),
  "resumable-8m": (upload) => sentByTus(upload, { chunkSize: CHUNK_BYTES }),
};

function sentByTus(upload, options) {
  const tus = createRequire(import.meta.url)(upload.tus);
  const { Agent } = upload.url.startsWith("https:") ? https : http;
  agent = new Agent({ keepAlive: true, ...trust(upload) }); // as Node's own, but of this upload alone
  return new Promise((resolve, reject) => {
    const answer = (response, location) =>
      resolve({ status: response.getStatus(), content: Buffer.from(response.getBody()), location, protocol: "" });
    const sending = new tus.Upload(fs.createReadStream(upload.path), {
      endpoint: upload.url,
      headers: upload.headers,
      metadata: { filename: upload.name },
      httpStack: new tus.DefaultHttpStack({ agent }),
      ...options,
      onSuccess: ({ lastResponse }) => answer(lastResponse, sending.url),
      onError: (error) => (error.originalResponse ? answer(error.originalResponse, null) : reject(error)),
    });
    sending.start();
  });
}

async function sentByHttp2(upload) {
  const url = new URL(upload.url);
  const session = http2.connect(url.origin, trust(upload));
  try {
    const failed = once(session, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {}); // it may come when nothing waits for it
    await Promise.race([failed, once(session, "connect")]);
    if (session.alpnProtocol !== "h2") throw new Error("the server has no HTTP/2");
    const request = session.request({
      ":method": upload.verb,
      ":path": url.pathname + url.search,
      ...Object.fromEntries(Object.entries(upload.headers).map(([name, value]) => [name.toLowerCase(), value])),
      "content-length": upload.size_bytes,
    });
    let responded = false;
    const answered = once(request, "response").then(async ([headers]) => {
      responded = true;
      const content = Buffer.concat(await request.toArray());
      return { status: headers[":status"], content, location: headers.location ?? null };
    });
    // A whole answer closes the stream, at times before Node has noticed that the body is sent: that is no failure.
    const body = pipeline(fs.createReadStream(upload.path), request, { end: true }).catch((error) => {
      if (!responded) throw error;
    });
    const answer = await Promise.race([failed, Promise.all([answered, body]).then(([answer]) => answer)]);
    return { ...answer, protocol: "HTTP/2" };
  } finally {
    session.destroy();
  }
}

const words = (error) => {
  const found = [];
  for (let cause = error; cause && found.length < 4; cause = cause.cause) {
    found.push([cause.name, cause.code, cause.message].filter(Boolean).join(": "));
  }
  return found.join(" < ");
};

async function answerTo({ ask, ...upload }) {
  if (ask === "end") {
    await agent?.destroy();
    agent = null;
    globalThis.gc?.(); // or the memory of this upload would be counted with the next one's
    return {};
  }
  const start = performance.now();
  try {
    const { content, ...answer } = await WAYS[ask](upload);
    return { ...answer, seconds: (performance.now() - start) / 1000, content: content.toString("latin1") };
  } catch (error) {
    return error.cannot ? { cannot: error.cannot } : { error: words(error) };
  }
}

process.on("uncaughtException", () => {}); // late errors of a stream that an upload has given up
for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(JSON.parse(line)))}\n`);
}
