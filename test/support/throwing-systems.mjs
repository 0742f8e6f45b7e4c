/** Systems that throw in all that they are called for, of the spec that the address names: `?narrow`. */
const spec = new URL(import.meta.url).search.slice(1);
const { systems } = await import(`../tmp/dist/${spec}/generated/systems.js`);

const fails = (what) => () => {
  throw new Error(`planted in ${what}`);
};

const parts = {
  narrow: { receive: { order: fails("receive") } },
  deliveries: {
    receive: { cue: (peer, { n }) => void peer.send.event({ n }, n) },
    notices: { event: fails("notices") },
  },
  shop: { respond: { swap: fails("respond") } },
};

export default systems({
  state: fails("state"),
  join: fails("join"),
  leave: fails("leave"),
  away: fails("away"),
  back: fails("back"),
  ...parts[spec],
});
