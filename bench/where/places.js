/**
 * Which place a sample of `perf` belongs to: its stack, the innermost frame first, each `{ symbol, file }` as `perf script` names
 * them. Every stack has exactly one place, so that shares add up.
 */

/** In the order of the table's columns. */
export const PLACES = {
  sending: "kernel, sending",
  receiving: "kernel, receiving",
  waiting: "kernel, sleeping and waking",
  memory: "kernel, memory",
  kernel: "kernel, the rest",
  node: "Node and libuv",
  cryptography: "cryptography",
  collecting: "V8, garbage",
  compiling: "V8, compiling",
  v8: "V8, the rest",
  session: "session, wire, codecs",
  connection: "connection, zero",
  port: "port, pool",
  udp: "udp",
  native: "native sockets",
  api: "API",
  bench: "the benchmark",
  libc: "libc, for whom is not known",
  unknown: "not known",
};

/** What a system call is for, by a name in the kernel's part of the stack or the function of libc that made it. */
const CALLS = [
  ["sending", /(^|_)send(to|msg|mmsg)?($|\.)/],
  ["receiving", /(^|_)recv(from|msg|mmsg)?($|\.)/],
  [
    "waiting",
    /(^|_)(epoll_(p?wait2?|ctl)|futex|eventfd_(read|write)|timerfd_\w+|schedule)($|[._])/,
  ],
  ["waiting", /^(__futex_|pthread_cond_|__pthread_(mutex_)?cond_|__condvar_|__lll_lock_)/],
  ["memory", /^asm_exc_page_fault$|_(brk|madvise|mmap|munmap|mprotect|mremap)($|\.)/],
];

/** What V8 does for itself, by any name between the sample and the innermost JavaScript: on threads of its own too. */
const V8_WORK = [
  [
    "collecting",
    /\bv8::internal::(Heap::(\w*Collect|\w*Garbage|Scavenge|MarkCompact|Iterate|\w*Sweep)|\w*(Scaveng|MarkCompact|Marking|Evacuat)|(?!ArrayBufferSweeper::Append)\w*Sweeper|GC\w*::|GarbageCollect)/,
  ],
  ["collecting", /^(cppgc|heap::base)::/],
  [
    "compiling",
    /\bv8::internal::(compiler|baseline|maglev|interpreter|parsing)::|\bv8::internal::(\w*Compil|(Pre)?Parser(Base)?\b|Scanner|Deoptimiz|Bytecode|TieringManager|Translat|\w*Assembler|Zone\b)/,
  ],
];
/** As libc's: they belong to whoever copies. */
const COPYING = /^v8::internal::relaxed_mem(cpy|move)/;

const ENTRY = /^Builtins_JS(\w*)Entry(?!Trampoline)/;
const SCRIPT = /^(?:JS|LazyCompile|Function|Script|Eval|RegExp):/;
const PATH = /((?:file:\/\/|node:|\/)[^ ]*?)(?::\d+)*$/;
const OPENSSL =
  /^(EVP_|OSSL_|CRYPTO_|ossl_|aes\w*_|aesni|gcm_|ecp_|fe\w*_|x25519|X25519|ED25519|sha\d|SHA|HMAC|poly1305|Poly1305|[Cc]ha[Cc]ha20|BN_|bn_|asn1|ASN1|node::crypto::|ERR_)/;

const isKernel = ({ file }) => /^\[(?!unknown|vdso|vsyscall)|\.ko(\.\w+)?$/.test(file);

const FOLDERS = {
  session: "session",
  wire: "session",
  generated: "session",
  connection: "connection",
  zero: "connection",
  port: "port",
  pool: "port",
  udp: "udp",
};

/** Of a function of JavaScript, by its file. */
function ofScript(symbol) {
  const path = PATH.exec(symbol.replace(/\+0x[0-9a-f]+$/, ""))?.[1] ?? "";
  if (/^node:internal\/crypto\//.test(path)) return "cryptography";
  if (path.startsWith("node:")) return "node";
  if (/\/bench\/tmp\//.test(path)) return "session";
  const own = /\/dist\/(?:src\/)?(?:([\w-]+)\/(?:.*\/)?)?[\w-]+\.js$/.exec(path);
  if (own !== null) return FOLDERS[own[1]] ?? "api";
  return path === "" ? "v8" : "bench";
}

/** Of system calls, the outermost first. */
function ofCall(frames) {
  for (const { symbol } of [...frames].reverse()) {
    const found = CALLS.find(([, pattern]) => pattern.test(symbol));
    if (found !== undefined) return found[0];
  }
  return undefined;
}

function ofKernel(stack) {
  const own = stack.filter(isKernel);
  const isInterrupt = own.at(-1).symbol.startsWith("asm_");
  // From the outside: what happens within a call belongs to it, be it another's receiving or waking.
  return (
    ofCall([...own, ...(isInterrupt ? [] : stack.slice(own.length, own.length + 1))]) ?? "kernel"
  );
}

/** Of what is between the innermost function of JavaScript and the sample. */
function ofNative(frames) {
  for (const [place, pattern] of V8_WORK) {
    if (frames.some(({ symbol }) => pattern.test(symbol))) return place;
  }
  let isV8 = false;
  for (const { symbol, file } of frames) {
    if (OPENSSL.test(symbol)) return "cryptography";
    if (file.endsWith("/socket.node")) return "native";
    if (/^(node::|uv_|uv__|napi_|v8impl::)|\bnode::/.test(symbol)) return "node";
    isV8 ||= /\bv8::/.test(symbol) && !COPYING.test(symbol);
    if (ENTRY.test(symbol)) return "v8";
  }
  return isV8 ? "v8" : undefined;
}

/** The name of a stack's place, one of `PLACES`. */
export function placeOf(stack) {
  if (isKernel(stack[0])) return ofKernel(stack);
  const at = stack.findIndex(({ symbol }) => SCRIPT.test(symbol));
  const native = ofNative(at < 0 ? stack : stack.slice(0, at));
  if (native !== undefined) return native;
  if (at >= 0) return ofScript(stack[at].symbol);
  return ofCall(stack.slice(0, 1)) ?? (/\/libc[.-]/.test(stack[0].file) ? "libc" : "unknown");
}
