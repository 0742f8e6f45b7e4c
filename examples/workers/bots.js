/** `node bots.js PORT KEY N SECONDS`: players that push at random, and say at the end what they were told. */
import { connect } from "./generated/client.js";

const [port, serverKey, count, seconds] = process.argv.slice(2);
let told = 0;
const clients = [];
for (let i = 0; i < Number(count); i++) {
  const client = await connect({ port: Number(port), serverKey });
  client.receive.around(() => {
    told++;
  });
  clients.push(client);
}
const pushing = setInterval(() => {
  for (const client of clients) {
    client.send.push({ x: Math.random() * 2 - 1, y: Math.random() * 2 - 1 });
  }
}, 50);
told = 0;
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
clearInterval(pushing);
console.log(JSON.stringify({ told, perSecondAndPlayer: told / Number(seconds) / clients.length }));
await Promise.all(clients.map((client) => client.close()));
