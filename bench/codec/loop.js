/**
 * The loops that time one contestant on one shape. Imported once for each of them (`loop.js?input-avsc`): a loop of its
 * own sees one kind of call, and is compiled for it. One loop for all took 12 ns a call to find out whom to call, half of
 * what the smallest messages take.
 */
export function loops(codec, messages) {
  const values = messages.map(codec.prepare);
  const encoded = messages.map((message) => codec.bytes(codec.prepare(message)));
  const views = encoded.map((bytes) => codec.view?.(bytes));
  const mask = values.length - 1;
  return {
    bytes: encoded.reduce((sum, bytes) => sum + bytes.length, 0) / encoded.length,
    encode(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += codec.encode(values[i & mask]);
      return sum;
    },
    decode(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        if (codec.decode(encoded[i & mask], views[i & mask]) !== undefined) sum++;
      }
      return sum;
    },
  };
}
