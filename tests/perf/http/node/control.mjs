// Says where the server listens, and answers every line with the number of handled events. The
// process ends with its standard input.

import { createInterface } from "node:readline";

export function control(server, handled) {
  server.listen(0, "127.0.0.1", () => {
    console.log(`listening 127.0.0.1:${server.address().port}`);
    createInterface({ input: process.stdin })
      .on("line", () => console.log(handled()))
      .on("close", () => process.exit());
  });
}
