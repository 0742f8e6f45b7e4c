/** The benchmarks' own parts: what is verified of a message, what is fitted, where a sample belongs; and places in the document. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const load = async (file: string): Promise<Record<string, unknown>> =>
  await import(new URL(`../bench/net/${file}.js`, import.meta.url).href);

describe("a message of the benchmarks", async () => {
  const message = await load("message");
  const put = message["put"] as (
    view: DataView,
    at: number,
    size: number,
    sequence: number,
    atUs: number,
  ) => void;
  const isGood = message["isGood"] as (view: DataView, at: number, size: number) => boolean;
  const words = message["words"] as (sequence: number, atUs: number) => Record<string, number>;
  const areGood = message["areGood"] as (words: Record<string, number>) => boolean;

  test.each([16, 32, 200])("of %i bytes is good as it was put", (size) => {
    const view = new DataView(new ArrayBuffer(size + 3));
    put(view, 3, size, 0xffff_fffe, 0xffff_ffff);
    expect(isGood(view, 3, size)).toBe(true);
  });

  test("of 32 bytes is bad with any bit changed", () => {
    const view = new DataView(new ArrayBuffer(32));
    put(view, 0, 32, 7, 9);
    for (let bit = 0; bit < 256; bit++) {
      const at = bit >> 3;
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
      expect(isGood(view, 0, 32), `bit ${bit}`).toBe(false);
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    }
  });

  test("as an object has the same numbers", () => {
    const view = new DataView(new ArrayBuffer(32));
    put(view, 0, 32, 7, 9);
    const bytes = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i, true));
    expect(Object.values(words(7, 9))).toEqual(bytes);
    expect(areGood(words(7, 9))).toBe(true);
    expect(areGood({ ...words(7, 9), c: 0 })).toBe(false);
  });
});

test("what grows is fitted by the line that it lies on", async () => {
  const { fitted } = (await load("pictures")) as {
    fitted: (points: readonly { x: number; y: number }[], basis: (x: number) => number) => unknown;
  };
  const points = [1, 2, 5, 10].map((x) => ({ x, y: 3 + 4 / x }));
  expect(fitted(points, (x) => 1 / x)).toEqual({
    constant: expect.closeTo(3),
    slope: expect.closeTo(4),
    explained: expect.closeTo(1),
  });
});

/** A stack in one line, the innermost frame first; `k:` is the kernel's, `n:` our library's in C, `c:` libc's. */
function stackOf(line: string): { symbol: string; file: string }[] {
  const files: Record<string, string> = {
    k: "[kernel.kallsyms]",
    n: "/app/native/build/socket.node",
    c: "/usr/lib/x86_64-linux-gnu/libc.so.6",
  };
  return line.split(" < ").map((frame) => {
    const [, kind = "", name = ""] = /^(?:([knc]):)?(.*)$/.exec(frame)!;
    const symbol = name.replace(/^(JS:.*) src\//, "$1 file:///app/dist/src/");
    return { symbol, file: files[kind] ?? "/usr/bin/node" };
  });
}

describe("a sample of perf", async () => {
  const { placeOf, PLACES } = (await import(
    new URL("../bench/where/places.js", import.meta.url).href
  )) as {
    placeOf: (stack: readonly { symbol: string; file: string }[]) => string;
    PLACES: Record<string, string>;
  };
  const onMessage = "JS:*onMessage node:dgram:945:19 < Builtins_JSEntry < node::UDPWrap::OnRecv";
  const transmit = "JS:*transmit src/session/session.js:380:13";

  test.each([
    [
      "that delivers within a send is sending",
      "k:try_to_wake_up < k:sock_def_readable < k:udp_rcv < k:__x64_sys_sendmmsg < c:__sendmmsg",
      "sending",
    ],
    [
      "of a call whose entry alone is seen belongs to the call",
      "k:do_syscall_64 < c:__libc_recvmsg",
      "receiving",
    ],
    [
      "of a thread that is switched is waiting",
      "k:finish_task_switch.isra.0 < k:schedule < k:__x64_sys_epoll_pwait < c:epoll_pwait",
      "waiting",
    ],
    [
      "of a bell is waiting",
      "k:eventfd_write < k:vfs_write < k:__x64_sys_write < c:__GI___libc_write",
      "waiting",
    ],
    [
      "of a page that is touched first is memory",
      "k:clear_page_erms < k:asm_exc_page_fault < c:__memmove_avx < JS:*copy src/wire/writer.js:57:9",
      "memory",
    ],
    [
      "of an interrupt is the kernel's, whatever it came into",
      "k:handle_softirqs < k:asm_sysvec_call_function_single < c:sendmsg",
      "kernel",
    ],
    ["of V8 that Node asks is Node's", `v8::internal::JSObject::New < node::Buffer::New`, "node"],
    ["of Node's JavaScript is Node's", `Builtins_LoadIC < ${onMessage}`, "node"],
    [
      "of OpenSSL is cryptography",
      "EVP_DecryptUpdate < node::crypto::CipherBase::Update",
      "cryptography",
    ],
    [
      "that allocates until it collects is collecting",
      `v8::internal::ScavengePage < v8::internal::Heap::CollectGarbage < v8::internal::Runtime_Allocate < ${transmit}`,
      "collecting",
    ],
    [
      "on a thread of the compiler is compiling",
      "c:malloc < v8::internal::compiler::PipelineImpl::Run < node::(anonymous namespace)::PlatformWorkerThread",
      "compiling",
    ],
    [
      "of V8's runtime is V8's",
      `v8::internal::Runtime_CreateObject < Builtins_CEntry < ${transmit}`,
      "v8",
    ],
    ["of libc belongs to who called it", `c:__memmove_avx < ${transmit} < ${onMessage}`, "session"],
    ["of V8's copying does too", `v8::internal::relaxed_memmove < ${transmit}`, "session"],
    [
      "of a deeper folder is the folder's",
      "JS:*grow src/session/congestion/cubic.js:9:3",
      "session",
    ],
    [
      "of generated code is the session's",
      "JS:^read file:///app/bench/tmp/net-plain/js/a.js:1:2",
      "session",
    ],
    [
      "of the connection is its own",
      `JS:~poll src/connection/connection.js:1:2 < ${onMessage}`,
      "connection",
    ],
    ["of the API is its own", "JS:*decode src/endpoint.js:175:31", "api"],
    ["of our C is native", "n:receive < [unknown]", "native"],
    ["of the benchmark is the benchmark's", "JS:*take file:///app/bench/net/work.js:96:7", "bench"],
    ["of libc without a caller says so", "c:_int_malloc < [unknown]", "libc"],
  ])("%s", (_, line, place) => {
    expect(placeOf(stackOf(line))).toBe(place);
    expect(PLACES).toHaveProperty(place);
  });
});

test("performance.md has a place for every suite", async () => {
  const { suites } = (await load("suites")) as { suites: Record<string, unknown> };
  const document = readFileSync(new URL("../docs/performance.md", import.meta.url), "utf8");
  expect(Object.keys(suites).length).toBeGreaterThan(9);
  for (const name of [...Object.keys(suites), "where"])
    expect(document).toContain(`<!-- measured: ${name} -->`);
});

describe("the floor under whoever hears of losses by acks", async () => {
  const { measureAckFloor } = (await load("ack-floor")) as {
    measureAckFloor: (scenario: object) => { cost: number; rate: number };
  };

  test("is one way where nothing is lost", () => {
    const floor = measureAckFloor({ everyMs: 10, link: { delayMs: 25, loss: 0 } });
    expect(floor).toEqual({ cost: expect.closeTo(25), rate: expect.closeTo(25) });
  });

  test("is the next message, the way of its ack, and one way again for what is lost once", () => {
    const floor = measureAckFloor({ everyMs: 10, link: { delayMs: 25, loss: 1.5 } });
    // More than one message of a hundred is lost, and few of them twice.
    expect(floor.cost).toBeCloseTo(10 + 25 + 25 + 25);
    expect(floor.rate).toBeCloseTo(25);
  });
});
