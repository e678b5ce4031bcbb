// GitHub's webhooks with GitHub's library: what is sent is Apideck's body in GitHub's headers.

import { createServer } from "node:http";
import { Webhooks, createNodeMiddleware } from "@octokit/webhooks";
import { control } from "./control.mjs";

const webhooks = new Webhooks({ secret: process.env.SECRET });
let handled = 0;
webhooks.on("push", ({ payload }) => {
  if (payload.payload.event_type === "vault.connection.created") handled++;
});
control(createServer(createNodeMiddleware(webhooks, { path: "/webhooks/apideck" })), () => handled);
