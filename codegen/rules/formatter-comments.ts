/**
 * Where the comments of a spec belong, for its formatter. The YAML library hangs some of them on the wrong entry: one
 * behind the last entry of a flow map on the whole map, one behind `key:` or behind a bracket on what comes below. Here
 * they are hung on the entry whose line they stand on, and printed on its line again, since `# stardust-allow` is about
 * a line. It moves nothing from one entry to another and drops nothing. Worst case: one walk over the document.
 */
import * as yaml from "yaml";

type Tokens = readonly yaml.CST.SourceToken[];

export class Comments {
  /** On lines of their own in front of a closing bracket. */
  readonly #atEnd = new WeakMap<object, string>();

  /** Of a document with its source tokens, before anything in it is moved. */
  constructor(document: yaml.Document.Parsed) {
    const found: (() => void)[] = [];
    yaml.visit(document, {
      Collection: (_, collection) => {
        const token = collection.srcToken;
        if (token?.type !== "flow-collection") return;
        keepBlankLines(collection, token);
        found.push(() => this.#atLast(collection, token));
      },
    });
    // From within: what is left behind a bracket then belongs to what the bracket ends.
    for (const take of found.reverse()) take();
    yaml.visit(document, {
      Pair: (_, pair) => this.#behindKey(pair),
      Collection: (_, collection, path) => {
        const token = collection.srcToken;
        if (token?.type === "flow-collection") this.#behindBracket(collection, token, path.at(-1));
      },
    });
  }

  /** `key: # this`, whose value begins on the next line. */
  #behindKey(pair: yaml.Pair): void {
    const { value, srcToken } = pair;
    // No empty line between a key and what begins behind or below it.
    if (yaml.isNode(value) && !(yaml.isCollection(value) && !value.flow)) {
      value.spaceBefore = false;
      value.commentBefore = value.commentBefore?.replace(/^\n+/, "") ?? null;
    }
    if (srcToken?.value === undefined || !yaml.isNode(value)) return;
    const from = srcToken.sep?.findIndex(({ type }) => type === "map-value-ind") ?? -1;
    const comment = from < 0 ? undefined : onLine(srcToken.sep!.slice(from + 1));
    if (comment === undefined) return;
    const rest = without(value.commentBefore, comment);
    if (rest === undefined) return;
    value.commentBefore = rest?.replace(/^\n+/, "") ?? null;
    hang(pair, comment);
  }

  /** `{ # this`, which is about what the bracket is the value of. */
  #behindBracket(
    collection: yaml.YAMLMap | yaml.YAMLSeq,
    token: yaml.CST.FlowCollection,
    owner: unknown,
  ): void {
    const comment = onLine(token.items[0]?.start ?? []);
    if (comment === undefined) return;
    const first = nodeBefore(collection.items[0]);
    const ends = this.#atEnd.get(collection);
    const rest = without(first === undefined ? ends : first.commentBefore, comment);
    if (rest === undefined) return;
    if (first !== undefined) first.commentBefore = rest;
    else if (rest !== null) this.#atEnd.set(collection, rest);
    else this.#atEnd.delete(collection);
    if (yaml.isPair(owner)) hang(owner, comment);
    else collection.commentBefore = joined(collection.commentBefore, comment);
  }

  /**
   * Comments between the last entry and the closing bracket. The library puts them behind the bracket, or behind the
   * entry where no comma ends it.
   */
  #atLast(collection: yaml.YAMLMap | yaml.YAMLSeq, { items }: yaml.CST.FlowCollection): void {
    const empty = items.at(-1);
    const open = empty !== undefined && !empty.key && !empty.sep && !empty.value;
    const last = collection.items.at(-1);
    let own: string | null = null;
    const item = open ? items.at(-2) : empty;
    const node = lastNode(last);
    if (item !== undefined && node?.comment) {
      const tokens = behind(item);
      const all = textOf(tokens);
      const comment = onLine(tokens);
      own = (comment === undefined ? all : without(all, comment)) ?? null;
      const rest = own ? withoutEnd(node.comment, own) : undefined;
      if (rest === undefined) own = null;
      else node.comment = rest;
    }
    const all = open ? textOf(empty.start) : "";
    const rest = all === "" ? undefined : without(collection.comment, all);
    if (open && rest !== undefined) {
      collection.comment = rest;
      const comma = empty.start.findIndex(({ type }) => type === "comma");
      const comment = comma < 0 ? undefined : onLine(empty.start.slice(comma + 1));
      if (comment !== undefined && yaml.isPair(last)) hang(last, comment);
      else if (comment !== undefined && node) node.comment = joined(node.comment, comment);
      own = joined(own, comment === undefined ? all : without(all, comment));
    }
    own = own?.replace(/^\n+/, "") ?? "";
    if (own !== "") this.#atEnd.set(collection, own);
  }

  /** A flow collection has comments that only lines of their own can have. */
  ends(collection: object): boolean {
    return this.#atEnd.has(collection);
  }

  /** The text of a flow collection, broken into lines, with the comments in front of its bracket. */
  withEnd(collection: object, text: string, indent: string): string {
    const comment = this.#atEnd.get(collection);
    if (comment === undefined) return text;
    const [, before, outer, bracket] = /^([\s\S]*?)\n?( *)([\]}])$/.exec(text)!;
    const margin = before!.length > 1 ? outer! : indent;
    const lines = comment
      .split("\n")
      .map((line) => (line.trim() === "" ? "" : `${margin}  #${line}`));
    return `${before}\n${lines.join("\n")}\n${margin}${bracket}`;
  }
}

/** Behind `a, # comment` the library loses an empty line. */
function keepBlankLines(
  collection: yaml.YAMLMap | yaml.YAMLSeq,
  { items }: yaml.CST.FlowCollection,
): void {
  collection.items.forEach((item, i) => {
    const node = nodeBefore(item);
    if (!node || i === 0) return;
    const tokens = (items[i]?.start ?? []).filter(({ type }) => type !== "space");
    const types = tokens.slice(0, 4).map(({ type }) => type);
    if (types.join() !== "comma,comment,newline,newline") return;
    node.spaceBefore = true;
    node.commentBefore = node.commentBefore?.replace(/^\n+/, "") ?? null;
  });
}

/** Behind an entry, on its line; where the value takes several lines it is printed behind `key:` instead. */
function hang(pair: yaml.Pair, comment: string): void {
  const { key, value } = pair;
  const block = yaml.isCollection(value) && value.flow !== true;
  if (yaml.isNode(value) && !block && !value.comment) value.comment = comment;
  else if (yaml.isNode(key) && !key.comment) key.comment = comment;
  else if (yaml.isNode(value)) value.commentBefore = joined(comment, value.commentBefore);
}

/** What a comment in front of an item hangs on. */
function nodeBefore(item: unknown): yaml.Node | undefined {
  const node = yaml.isPair(item) ? item.key : item;
  return yaml.isNode(node) ? node : undefined;
}

/** What a comment behind an item hangs on. */
function lastNode(item: unknown): yaml.Node | undefined {
  const node = yaml.isPair(item) && yaml.isNode(item.value) ? item.value : nodeBefore(item);
  return yaml.isNode(node) ? node : undefined;
}

/** All that stands behind an item of a flow collection and before the next comma. */
function behind({ key, sep, value }: yaml.CST.CollectionItem): Tokens {
  const token = value ?? (sep?.length ? undefined : key);
  if (token === undefined || token === null) return sep ?? [];
  const end = "end" in token ? (token.end ?? []) : [];
  return token.type === "flow-collection" ? end.slice(1) : end;
}

/** A comment before the end of the line. */
function onLine(tokens: Tokens): string | undefined {
  const token = tokens.find(({ type }) => type !== "space");
  return token?.type === "comment" ? contentOf(token) : undefined;
}

/** As the library has it: blank lines between comments stay. */
function textOf(tokens: Tokens): string {
  let text = "";
  let gap = "";
  for (const token of tokens) {
    if (token.type === "comment") {
      text = text === "" ? contentOf(token) : text + gap + contentOf(token);
      gap = "";
    } else if (token.type === "newline" && text !== "") gap += token.source;
  }
  return text;
}

function contentOf({ source }: yaml.CST.SourceToken): string {
  return source.slice(1) || " ";
}

/** What is left of a comment behind its beginning; undefined where it begins otherwise. */
function without(comment: string | null | undefined, beginning: string): string | null | undefined {
  if (comment === beginning) return null;
  if (!comment?.startsWith(`${beginning}\n`)) return undefined;
  return comment.slice(beginning.length + 1);
}

/** What is left of a comment in front of its end; undefined where it ends otherwise. */
function withoutEnd(comment: string, end: string): string | null | undefined {
  if (comment === end) return null;
  return comment.endsWith(`\n${end}`) ? comment.slice(0, -end.length - 1) : undefined;
}

function joined(one: string | null | undefined, two: string | null | undefined): string {
  return [one, two].filter((text) => text).join("\n");
}
