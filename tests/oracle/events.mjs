// The events that JavaScript reads from JSON bodies.
//
// Reads bodies from standard input, each preceded by its length in bytes (32 bits, big-endian). Answers each with the event as
// JSON, preceded by its length in the same way; or with the length 0xffffffff, if `JSON.parse` refuses the body.
//
// A text field that is a number in the body is `{"number": …}`, because JavaScript does not keep its digits.

import { readSync, writeSync } from "node:fs";

const LISTED = ["crm.lead.created", "vault.connection.created", "vault.connection.migrated"];
const PAYLOAD = ["event_id", "service_id", "entity_id", "entity_type"];
const RESOURCE = ["unified_api", "consumer_id", "entity_url"];
const ENTITY = ["id", "consumer_id", "unified_api", "service_id", "name", "icon", "logo", "website", "tag_line", "auth_type", "state"];
const TIMES = ["created_at", "updated_at", "credentials_expire_at", "last_refresh_failed_at"];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : null);
// A number beyond a double is printed as `null`.
const printed = (value) => (typeof value === "number" && !Number.isFinite(value) ? null : value);

// A key as Rust can have it. Others of the object may not be taken.
function name(key, keys) {
  if (key.isWellFormed()) return key;
  let name = "";
  for (const char of key) {
    const lost = !char.isWellFormed() || char === "\ufffd";
    name += lost ? "\ufffd" + char.charCodeAt(0).toString(16).padStart(4, "0") : char;
  }
  while (keys.includes(name)) name += "\ufffd";
  return name;
}

function json(value) {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(json);
  if (!isObject(value)) return printed(value);
  const object = Object.create(null);
  const keys = Object.keys(value);
  for (const key of keys) object[name(key, keys)] = json(value[key]);
  return object;
}

function text(value) {
  value = printed(value);
  if (typeof value === "number") return { number: value };
  if (typeof value === "boolean") return { text: String(value) };
  return { text: typeof value === "string" ? value.toWellFormed() : "" };
}

const optional = (value) => (text(value).text === "" ? null : text(value));
const time = (value) => (printed(value) === null ? null : text(value));
const members = (value) => (isObject(value) ? json(value) : null);

function count(value) {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : null;
}

function connector(value) {
  if (typeof value === "string") return value;
  return isObject(value) && typeof own(value, "service_id") === "string" ? value.service_id : null;
}

function either(payload, entity) {
  [payload, entity] = [printed(payload), printed(entity)];
  if (entity === null || connector(payload) !== null) return json(payload);
  return json(payload === null || connector(entity) !== null ? entity : payload);
}

function common(payload) {
  const fields = {};
  for (const key of PAYLOAD) fields[key] = text(own(payload, key));
  fields.occurred_at = time(own(payload, "occurred_at"));
  fields.execution_attempt = count(own(payload, "execution_attempt"));
  return fields;
}

function event(body) {
  const payload = isObject(body) ? own(body, "payload") : null;
  const type = isObject(payload) ? own(payload, "event_type") : null;
  if (typeof type !== "string" || type === "") return { kind: "other", event_type: null };
  const event_type = type.toWellFormed();
  const fields = common(payload);
  if (!event_type.startsWith("vault.")) {
    for (const key of RESOURCE) fields[key] = text(own(payload, key));
    return { kind: "resource", event_type, fields };
  }
  let entity = printed(own(payload, "entity"));
  if (entity === null || (Array.isArray(entity) && entity.length === 0)) entity = {};
  if (!isObject(entity)) return { kind: LISTED.includes(event_type) ? "undecodable" : "other", event_type };
  fields.migrated_from = either(own(payload, "migrated_from"), own(entity, "migrated_from"));
  for (const key of ENTITY) fields[`entity.${key}`] = text(own(entity, key));
  for (const key of TIMES) fields[`entity.${key}`] = time(own(entity, key));
  fields["entity.enabled"] = typeof own(entity, "enabled") === "boolean" ? entity.enabled : null;
  fields["entity.health"] = optional(own(entity, "health"));
  fields["entity.settings"] = members(own(entity, "settings"));
  fields["entity.metadata"] = members(own(entity, "metadata"));
  return { kind: "connection", event_type, fields };
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

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

for (let length; (length = read(4)) !== null; ) {
  const document = read(length.readUInt32BE());
  const size = Buffer.alloc(4, 0xff);
  try {
    const body = JSON.parse(utf8.decode(document));
    const answer = Buffer.from(JSON.stringify({ ...event(body), raw: json(body) }));
    size.writeUInt32BE(answer.length);
    write(Buffer.concat([size, answer]));
  } catch {
    write(size);
  }
}
