/**
 * One generated file while it is printed: to name something of the runtime or of another generated file is to import it,
 * so that no emitter keeps a list of what its text turned out to need. Not the declarations themselves: declarations.ts.
 */

export interface Import {
  readonly kind: "import";
  readonly from: string;
  readonly names?: readonly string[];
  /** Names of which only the type is used. */
  readonly types?: readonly string[];
  /** `import * as namespace`. */
  readonly namespace?: string;
  /** Whether only types of the namespace are used. */
  readonly isType?: boolean;
}

/** What turns values into bytes and back. */
export const WIRE = "stardust-udp/wire";

/** What codecs and examples call of `stardust-udp/wire`; no name that is made from the spec's is one of these. */
export const wireFunctions = [
  "checkArray",
  "checkBigint",
  "checkBool",
  "checkDepth",
  "checkFloat16",
  "checkFloat32",
  "checkFloat64",
  "checkInteger",
  "checkList",
  "checkMap",
  "checkNoList",
  "checkNumber",
  "checkObject",
  "checkTotal",
  "dequantise",
  "entryPath",
  "fromHalf",
  "invalid",
  "invalidEnum",
  "invalidKind",
  "lengthWrite",
  "own",
  "putBytes",
  "putString",
  "putVarint",
  "putZigzag",
  "quantise",
  "rethrowWithin",
  "toHalf",
  "varintSize",
] as const;

/** The functions of `stardust-udp/wire` that header.ts may import. */
export const headerFunctions = [
  "ackRangesSize",
  "ackWord",
  "readAckRanges",
  "readAckWords",
  "readPadding",
  "varintViolation",
  "writeAckRanges",
] as const;

export type WireFunction = (typeof wireFunctions)[number] | (typeof headerFunctions)[number];

/** What is named of one file: by its name there, and the one it has here. */
interface Names {
  readonly values: Map<string, string>;
  readonly types: Map<string, string>;
}

export class Module {
  readonly #named = new Map<string, Names>();
  readonly #namespaces = new Map<string, { readonly name: string; readonly isType: boolean }>();

  /** A value of another file, by `from` as the import says it; `local` is what it is called here. */
  value(from: string, name: string, local: string = name): string {
    this.#of(from).values.set(name, local);
    return local;
  }

  type(from: string, name: string, local: string = name): string {
    this.#of(from).types.set(name, local);
    return local;
  }

  /** A function of the runtime's that turns values into bytes or back. */
  wire(name: WireFunction): string {
    return this.value(WIRE, name);
  }

  /** A type of the spec, in a file beside `types.ts`. */
  readonly typeOf = (name: string): string => {
    this.#namespaces.set("./types.ts", { name: "types", isType: true });
    return `types.${name}`;
  };

  /** Something of `codecs.ts`, where its functions are handed around rather than called. */
  codec(name: string): string {
    this.#namespaces.set("./codecs.ts", { name: "codecs", isType: false });
    return `codecs.${name}`;
  }

  /** The names by which the file knows what it has imported so far. */
  get localNames(): string[] {
    const named = [...this.#named.values()].flatMap(({ values, types }) => [
      ...values.values(),
      ...types.values(),
    ]);
    return [...named, ...Array.from(this.#namespaces.values(), ({ name }) => name)];
  }

  /** All that was named: packages first, then the files beside. */
  get imports(): Import[] {
    const sources = [...new Set([...this.#named.keys(), ...this.#namespaces.keys()])];
    return sources.sort(packagesFirst).flatMap((from): Import[] => {
      const whole = this.#namespaces.get(from);
      const named = this.#named.get(from);
      return [
        ...(whole
          ? [{ kind: "import", from, namespace: whole.name, isType: whole.isType } as const]
          : []),
        ...(named ? [namedImport(from, named)] : []),
      ];
    });
  }

  #of(from: string): Names {
    const names = this.#named.get(from) ?? { values: new Map(), types: new Map() };
    this.#named.set(from, names);
    return names;
  }
}

function importedText([name, local]: readonly [string, string]): string {
  return name === local ? name : `${name} as ${local}`;
}

function packagesFirst(a: string, b: string): number {
  const rank = Number(a.startsWith(".")) - Number(b.startsWith("."));
  return rank || (a < b ? -1 : 1);
}

function namedImport(from: string, { values, types }: Names): Import {
  return {
    kind: "import",
    from,
    names: [...values].map(importedText),
    types: [...types].filter(([name]) => !values.has(name)).map(importedText),
  };
}
