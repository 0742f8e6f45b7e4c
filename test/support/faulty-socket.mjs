/**
 * Sockets of a server that breaks one rule: what arrives or leaves is changed so that the server behind seems to. For
 * `listen({ wrapSocket, wrapSocketData: name })`; each name is a row below.
 */
const text = (bytes) => Buffer.from(bytes).toString("latin1");
const bytesOf = (string) => Uint8Array.from(Buffer.from(string, "latin1"));
const isZero = (bytes) => bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0;
const isMessage = (bytes, name) => isZero(bytes) && text(bytes).includes(`"msg":"${name}"`);

/** Of the default layout: the flags, the session tag, the header in front of what an ack or a frame adds. */
const FLAGS = 3;
const TAG = 4;
const HEADER_BYTES = 10;
const K = 0x02;
const L = 0x01;
const A = 0x80;
const D = 0x20;

function flags(bytes, change) {
  const copy = Uint8Array.from(bytes);
  copy[FLAGS] = change(copy[FLAGS]);
  return copy;
}

/** What is done to each datagram that arrives (`in`) and leaves (`out`, several for one); of each socket its own. */
const faults = {
  "takes bytes behind the object": () => ({
    in: (bytes) => (isZero(bytes) ? bytesOf(text(bytes).trimEnd()) : bytes),
  }),
  "does not look at the hash": () => ({
    in(bytes) {
      const own = this.hash;
      return own && isMessage(bytes, "join")
        ? bytesOf(text(bytes).replace(/"hash":"[0-9a-f]{32}"/, `"hash":"${own}"`))
        : bytes;
    },
    // The first join that is answered has the right one.
    hash: undefined,
    seen(bytes) {
      if (isMessage(bytes, "join")) this.hash ??= /"hash":"([0-9a-f]{32})"/.exec(text(bytes))?.[1];
    },
  }),
  "answers more than was asked": () => ({
    out: (bytes) => (isMessage(bytes, "challenge") ? [bytes, bytes, bytes] : [bytes]),
  }),
  "accepts in other bytes each time": () => {
    let count = 0;
    return {
      out: (bytes) =>
        isMessage(bytes, "accept")
          ? [bytesOf(text(bytes).replace(/\}$/, `,"later":${count++}}`))]
          : [bytes],
    };
  },
  "has a wrong MAC on attached": () => ({
    out: (bytes) =>
      isMessage(bytes, "attached")
        ? [bytesOf(text(bytes).replace(/.{22}"\}$/, `${"A".repeat(22)}"}`))]
        : [bytes],
  }),
  "has a wrong MAC on verify": () => ({
    out: (bytes) =>
      isMessage(bytes, "verify")
        ? [bytesOf(text(bytes).replace(/.{22}"\}$/, `${"A".repeat(22)}"}`))]
        : [bytes],
  }),
  "acknowledges nothing": () => ({ out: (bytes) => (isZero(bytes) ? [bytes] : []) }),
  "takes any key phase": () => ({
    in: (bytes) => (isZero(bytes) ? bytes : flags(bytes, (byte) => byte & ~K)),
  }),
  "takes a limit without an ack": () => ({
    in: (bytes) =>
      isZero(bytes) ? bytes : flags(bytes, (byte) => ((byte & A) === 0 ? byte & ~L : byte)),
  }),
  "takes any padding": () => ({
    in: (bytes) =>
      isZero(bytes) || (bytes[FLAGS] & (A | D)) !== 0 ? bytes : bytes.slice(0, HEADER_BYTES),
  }),
  "signs accept wrongly": () => ({
    out: (bytes) =>
      isMessage(bytes, "accept")
        ? [bytesOf(text(bytes).replace(/.{86}"\}$/, `${"A".repeat(86)}"}`))]
        : [bytes],
  }),
  "counts no pieces": () => ({
    out: (bytes) =>
      isMessage(bytes, "processing")
        ? [bytesOf(text(bytes).replace(/"pieces":\d+/, '"pieces":0'))]
        : [bytes],
  }),
  "says nothing of what it has forgotten": () => ({
    out: (bytes) => (isMessage(bytes, "gone") ? [] : [bytes]),
  }),
  "ends no connection": () => ({ out: (bytes) => (isMessage(bytes, "close") ? [] : [bytes]) }),
  "opens nothing that has the next keys": () => ({
    in: (bytes) => (isZero(bytes) || (bytes[FLAGS] & K) === 0 ? bytes : bytes.slice(0, FLAGS + 1)),
  }),
  "takes any session tag": () => ({
    tag: undefined,
    in(bytes) {
      if (isZero(bytes) || this.tag === undefined) return bytes;
      const copy = Uint8Array.from(bytes);
      copy.set(this.tag, TAG);
      return copy;
    },
    out(bytes) {
      if (!isZero(bytes)) this.tag = bytes.slice(TAG, TAG + 4);
      return [bytes];
    },
  }),
};

export default function wrapSocket(socket, name) {
  const fault = faults[name]();
  return {
    port: socket.port,
    address: socket.address,
    send(bytes, port, address) {
      for (const one of fault.out?.(bytes) ?? [bytes]) socket.send(one, port, address);
    },
    listen(listener) {
      socket.listen((bytes, address, port) => {
        const copy = Uint8Array.from(bytes);
        fault.seen?.(copy);
        const changed = fault.in?.(copy) ?? copy;
        listener(changed, address, port);
      });
    },
    unref: () => socket.unref?.(),
    close: () => socket.close(),
  };
}
