/**
 * Starts server.js under Agones: asks the sidecar's HTTP gateway which port it has been given, listens there, and says that it is
 * ready. Stopping is server.js's: SIGTERM drains.
 */
const gateway = `http://127.0.0.1:${process.env.AGONES_SDK_HTTP_PORT ?? 9358}`;

/** The sidecar may start later than this container. */
async function gameServer() {
  for (;;) {
    try {
      const response = await fetch(`${gateway}/gameserver`);
      const { status } = await response.json();
      if (status?.ports?.length > 0) return status;
    } catch {}
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const { ports } = await gameServer();
process.env.STARDUST_PORTS = ports.map(({ port }) => port).join(",");
await import("./server.js");
await fetch(`${gateway}/ready`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: "{}",
});
