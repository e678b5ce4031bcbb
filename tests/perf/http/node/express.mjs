// Apideck's webhooks as its guide shows it: read the body, sort its keys, print it, and compare the
// signatures.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { control } from "./control.mjs";

function sort(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const out = {};
  for (const key of Object.keys(value).sort()) out[key] = sort(value[key]);
  return out;
}

function matches(body, signature) {
  const mac = createHmac("sha256", process.env.SECRET).update(JSON.stringify(sort(body))).digest("hex");
  return typeof signature === "string" && mac.length === signature.length && timingSafeEqual(Buffer.from(mac), Buffer.from(signature));
}

let handled = 0;
const app = express();
app.use(express.json());
app.post("/webhooks/apideck", (request, response) => {
  if (!matches(request.body, request.headers["x-apideck-signature"])) {
    response.status(401).json({ error: "signature" });
    return;
  }
  if (request.body.payload.event_type === "vault.connection.created") handled++;
  response.json({ status: "handled" });
});
control(createServer(app), () => handled);
