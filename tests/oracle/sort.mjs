// The texts that JavaScript itself makes of JSON documents.
//
// Reads documents from standard input, each preceded by its length in bytes (32 bits, big-endian). Answers each with two
// texts, the sorted one and the one that is sorted inside arrays too, each preceded by its length in the same way; or with
// the length 0xffffffff, once, if `JSON.parse` refuses the document.

import { readSync, writeSync } from "node:fs";

function sort(value, inArrays) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return inArrays ? value.map((element) => sort(element, inArrays)) : value;
  const out = {};
  for (const key of Object.keys(value).sort()) out[key] = sort(value[key], inArrays);
  return out;
}

function read(length) {
  const buffer = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const count = readSync(0, buffer, at, length - at, null);
    if (count === 0) return null;
    at += count;
  }
  return buffer;
}

function write(buffer) {
  let at = 0;
  while (at < buffer.length) at += writeSync(1, buffer, at);
}

function prefixed(text) {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

// Node's own reading of a request body replaces what is not UTF-8 by U+FFFD; here that is an error like any other.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

for (let length; (length = read(4)) !== null; ) {
  const document = read(length.readUInt32BE());
  let answer;
  try {
    const value = JSON.parse(utf8.decode(document));
    answer = Buffer.concat([false, true].map((inArrays) => prefixed(JSON.stringify(sort(value, inArrays)))));
  } catch {
    answer = Buffer.from([0xff, 0xff, 0xff, 0xff]);
  }
  write(answer);
}
