// Verifies signatures as Apideck's guide shows it, and times that.
//
// Reads lines of `{"secret", "body", "signatures": [raw, sorted], "ms"}`. Answers each with the
// median times of one verification of the raw and of the sorted form, in nanoseconds.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createInterface } from "node:readline";

function sort(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const out = {};
  for (const key of Object.keys(value).sort()) out[key] = sort(value[key]);
  return out;
}

function matches(text, secret, signature) {
  const mac = createHmac("sha256", secret).update(text).digest("hex");
  return timingSafeEqual(Buffer.from(mac), Buffer.from(signature));
}

// The body arrives as bytes. The guide parses them, as a body parser would.
const ways = [
  (body, secret, signature) => matches(body, secret, signature),
  (body, secret, signature) => matches(JSON.stringify(sort(JSON.parse(body.toString()))), secret, signature),
];

function time(run, ms) {
  const turn = (turns) => {
    const start = process.hrtime.bigint();
    for (let at = 0; at < turns; at++) run();
    return Number(process.hrtime.bigint() - start);
  };
  // Warms up until the compiler is done, and finds how many runs take two milliseconds.
  let turns = 1;
  for (const until = performance.now() + ms / 3; performance.now() < until; ) {
    if (turn(turns) < 1e6) turns *= 2;
  }
  const rounds = [];
  const until = performance.now() + ms;
  do rounds.push(turn(turns) / turns);
  while (performance.now() < until);
  return rounds.sort((one, other) => one - other)[rounds.length >> 1];
}

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, body, signatures, ms } = JSON.parse(line);
  const bytes = Buffer.from(body);
  const times = ways.map((way, at) => {
    if (!way(bytes, secret, signatures[at])) throw new Error("the signature does not match");
    return time(() => way(bytes, secret, signatures[at]), ms);
  });
  console.log(JSON.stringify(times));
}
