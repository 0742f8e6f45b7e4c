/**
 * Which object literals are used as what is renamed though no type says so where they stand: a value of an inferred type
 * that is sent, returned or assigned where generated code's type is expected. Every expression's type is held against
 * the one that is expected of it, and the properties of the name on both sides belong together from then on; those that
 * belong to a renamed declaration follow it, or are why the rename cannot be. Worst case: one walk over the project, and
 * MAX_DEPTH levels of each pair of types, each pair once.
 */
import { ts } from "ts-morph";
import { literalOf } from "./containers.ts";
import type { Renamed } from "./declarations.ts";
import { excerpt, type Place, placeOf } from "./places.ts";
import type { UserProject } from "./project.ts";
import { isToken, startOf, type Token } from "./tokens.ts";

/** Levels of types in types that are held against each other. */
const MAX_DEPTH = 6;
/** Types that are looked at in one value that goes where there are no types. */
const MAX_TYPES = 100;

/** A declaration of the name, by `path:offset` of where its text begins. */
type Key = string;

/** A name in an object literal. Offsets are those of the text before. */
export interface Built {
  readonly path: string;
  readonly at: number;
  readonly token: Token;
}

interface Property {
  readonly declaration: ts.Declaration | undefined;
  /** Where it is one of an object literal of the user's; any other is declared by a type. */
  readonly built: Built | undefined;
  /** What it belongs together with, and the expression that says so. */
  readonly links: Map<Key, ts.Expression>;
  /** What declares it where no declaration does. */
  readonly what: string;
}

export interface Flow {
  /** Names that have to follow. */
  readonly follow: readonly Built[];
  /** Names that would have to, but that belong to something that cannot. */
  readonly stuck: readonly Built[];
  /** Why the rename would change what the program does. */
  readonly conflicts: readonly Place[];
  /** Where a value that has the name comes from, or goes to, where there are no types. */
  readonly untyped: readonly Place[];
}

export const noFlow: Flow = { follow: [], stuck: [], conflicts: [], untyped: [] };

/**
 * The project has the code of the old spec. `remap` is called where the keys of a mapped type (`Record<Kind, …>`) may be
 * what is renamed, which only the new spec's code tells: it gives the project that code.
 */
export function flowOf(
  project: UserProject,
  renamed: readonly Renamed[],
  name: { readonly from: string; readonly to: string },
  remap: () => void,
): Flow {
  const ours = new Set(
    renamed
      .filter(({ role }) => role === "member")
      .map(({ file, at }) => `${project.generatedPath(file)}:${at}`),
  );
  const before = new FlowFinder(project, ours, name, false);
  before.walk();
  if (before.mapped.size === 0) return before.result(new Set());
  remap();
  const after = new FlowFinder(project, ours, name, true);
  after.walk();
  return before.result(new Set([...before.mapped].filter((key) => after.mapped.has(key))));
}

class FlowFinder {
  readonly #project: UserProject;
  readonly #checker: ts.TypeChecker;
  readonly #ours: ReadonlySet<Key>;
  readonly #from: string;
  readonly #to: string;
  /** Whether the project has the code of the new spec, and its own as it was. */
  readonly #isMoved: boolean;
  readonly #properties = new Map<Key, Property>();
  readonly #patterns = new Map<ts.Symbol, Key>();
  /** By both types: the least depth at which they were held against each other. */
  readonly #seen = new Map<ts.Type, Map<ts.Type, number>>();
  /** Names of literals that stand for those of a value which is spread into them. */
  readonly #overriding = new Map<Key, readonly Key[]>();
  readonly #conflicts: Place[] = [];
  readonly #untyped: { readonly keys: readonly Key[]; readonly place: Place }[] = [];
  /** Where something with either name is used as a mapped type that has the old one (the new one, once it has moved). */
  readonly mapped = new Set<Key>();
  /** Conflicts of those, where they are what is renamed. */
  readonly #taken: { readonly key: Key; readonly place: Place }[] = [];

  constructor(
    project: UserProject,
    ours: ReadonlySet<Key>,
    name: { readonly from: string; readonly to: string },
    isMoved: boolean,
  ) {
    this.#project = project;
    this.#checker = project.program.getTypeChecker();
    this.#ours = ours;
    this.#from = name.from;
    this.#to = name.to;
    this.#isMoved = isMoved;
  }

  walk(): void {
    for (const source of this.#project.ownFiles()) {
      const visit = (node: ts.Node): void => {
        if (ts.isTypeNode(node)) return;
        if (ts.isExpression(node)) this.#expression(node);
        else if (ts.isReturnStatement(node)) this.#returns(node);
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
  }

  #expression(node: ts.Expression): void {
    const checker = this.#checker;
    const expected = checker.getContextualType(node);
    const type = checker.getTypeAtLocation(node);
    // A pattern expects of what it takes apart what it reads, which follows by itself.
    const { parent } = ts.isSpreadAssignment(node.parent) ? node.parent.parent : node;
    const apart = ts.isVariableDeclaration(parent) && !parent.type && !ts.isIdentifier(parent.name);
    if (expected !== undefined && !apart) this.#flows(type, expected, node);
    // One value has all of these: `Object.assign`, spreads and their like.
    if (type.isIntersection() || ts.isObjectLiteralExpression(node)) {
      this.#together(this.#declared(type, this.#from), node);
    }
    this.#merges(node, type);
    if (ts.isObjectLiteralExpression(node)) this.#overrides(node);
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) this.#bounds(node);
  }

  /** The type of several expressions together is that of one of them where they are alike. */
  #merges(node: ts.Expression, type: ts.Type): void {
    const checker = this.#checker;
    const flows = (part: ts.Expression, whole: ts.Type | undefined): void => {
      if (whole !== undefined) this.#flows(checker.getTypeAtLocation(part), whole, part);
    };
    if (ts.isConditionalExpression(node)) {
      for (const part of [node.whenTrue, node.whenFalse]) flows(part, type);
    } else if (ts.isBinaryExpression(node) && isEither(node.operatorToken.kind)) {
      for (const part of [node.left, node.right]) flows(part, type);
    } else if (ts.isArrayLiteralExpression(node)) {
      const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
      for (const part of node.elements) flows(part, ts.isSpreadElement(part) ? undefined : element);
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      flows(node.body, this.#returnedBy(node));
    } else if (ts.isYieldExpression(node) && node.expression && !node.asteriskToken) {
      const generator = this.#returnedBy(functionOf(node));
      flows(node.expression, generator && this.#argumentsOf(generator)[0]);
    }
  }

  /** What a function's `return` gives, whether it is async or not. */
  #returnedBy(node: ts.Node): ts.Type | undefined {
    if (!ts.isFunctionLike(node)) return undefined;
    const type = this.#checker.getSignatureFromDeclaration(node)?.getReturnType();
    return type && this.#checker.getAwaitedType(type);
  }

  #returns(statement: ts.ReturnStatement): void {
    const { expression } = statement;
    const whole = this.#returnedBy(functionOf(statement));
    if (expression === undefined || whole === undefined) return;
    this.#flows(this.#checker.getTypeAtLocation(expression), whole, expression);
  }

  /** `{ ...message, name }`: the name stands for the message's. */
  #overrides(literal: ts.ObjectLiteralExpression): void {
    const own = literal.properties.find(
      ({ name }) => name !== undefined && isToken(name) && name.text === this.#from,
    );
    if (own === undefined) return;
    for (const spread of literal.properties) {
      if (!ts.isSpreadAssignment(spread)) continue;
      const keys = this.#declared(this.#checker.getTypeAtLocation(spread.expression), this.#from);
      if (keys.length > 0) this.#overriding.set(this.#key(own), keys);
    }
  }

  /** What a generic function asks of its type parameters: it reads no more than that. */
  #bounds(call: ts.CallExpression | ts.NewExpression): void {
    const declaration = this.#checker.getResolvedSignature(call)?.declaration;
    if (!declaration?.typeParameters?.some(({ constraint }) => constraint !== undefined)) return;
    declaration.parameters.forEach((parameter, i) => {
      const given = call.arguments?.[i];
      if (given === undefined || !ts.isParameter(parameter)) return;
      const asked = this.#checker.getTypeAtLocation(parameter);
      this.#flows(this.#checker.getTypeAtLocation(given), asked, given);
    });
  }

  #flows(source: ts.Type, target: ts.Type, at: ts.Expression): void {
    // In breadth, so that no type is met deeper than it has to be.
    const open: [ts.Type, ts.Type, number][] = [[source, target, 0]];
    for (const [one, other, depth] of open) {
      if (depth > MAX_DEPTH || one === other) continue;
      const seen = isObject(one) && isObject(other) && this.#wasSeen(one, other, depth);
      // Of what maps the name every place counts.
      if (seen && !this.#isMappedBy(other)) continue;
      const next = (a: ts.Type, b: ts.Type) => void open.push([a, b, depth + 1]);
      this.#pair(one, other, at, next);
    }
  }

  #wasSeen(source: ts.Type, target: ts.Type, depth: number): boolean {
    const targets = this.#seen.get(source) ?? new Map<ts.Type, number>();
    this.#seen.set(source, targets);
    const known = targets.get(target);
    if (known !== undefined && known <= depth) return true;
    targets.set(target, depth);
    return false;
  }

  #pair(
    source: ts.Type,
    target: ts.Type,
    at: ts.Expression,
    next: (source: ts.Type, target: ts.Type) => void,
  ): void {
    const checker = this.#checker;
    const loose = ts.TypeFlags.Any | ts.TypeFlags.Unknown;
    if (source.flags & ts.TypeFlags.Instantiable) {
      const bound = checker.getBaseConstraintOfType(source);
      if (bound !== undefined && bound !== source) next(bound, target);
    } else if (target.flags & ts.TypeFlags.Instantiable) {
      const bound = checker.getBaseConstraintOfType(target);
      // Without a bound nothing is asked for.
      if (bound !== undefined && bound !== target && !(bound.flags & loose)) next(source, bound);
    } else if ((source.flags | target.flags) & loose) {
      this.#loose(source.flags & loose ? target : source, at);
    } else if (source.isUnion()) for (const part of source.types) next(part, target);
    else if (target.isUnion()) {
      const keys = this.#declared(source, this.#from);
      const same = target.types.find(
        (part) => part === source || this.#declared(part, this.#from).some((k) => keys.includes(k)),
      );
      const fits = (part: ts.Type) => isObject(part) && checker.isTypeAssignableTo(source, part);
      for (const part of same ? [same] : target.types.filter(fits)) next(source, part);
    } else if (isObject(source) && isObject(target)) this.#objects(source, target, at, next);
  }

  #objects(
    source: ts.Type,
    target: ts.Type,
    at: ts.Expression,
    next: (source: ts.Type, target: ts.Type) => void,
  ): void {
    const checker = this.#checker;
    const [one, other] = [this.#argumentsOf(source), this.#argumentsOf(target)];
    const same = (source as ts.TypeReference).target === (target as ts.TypeReference).target;
    if (one.length > 0 && other.length > 0 && (same || this.#areLists(source, target))) {
      other.forEach((argument, i) => void next(one[i] ?? one.at(-1)!, argument));
      return;
    }
    this.#name(source, target, at);
    for (const property of checker.getPropertiesOfType(target)) {
      const given = checker.getPropertyOfType(source, property.name);
      if (given !== undefined && given !== property) {
        next(checker.getTypeOfSymbol(given), checker.getTypeOfSymbol(property));
      }
    }
    const index = checker.getIndexInfoOfType(target, ts.IndexKind.String);
    if (index !== undefined) {
      for (const given of checker.getPropertiesOfType(source)) {
        next(checker.getTypeOfSymbol(given), index.type);
      }
    }
    const calls = target.getCallSignatures();
    source.getCallSignatures().forEach((signature, i) => {
      const asked = calls[i];
      if (asked === undefined) return;
      signature.parameters.forEach((parameter, j) => {
        const given = asked.parameters[j];
        if (given === undefined) return;
        next(checker.getTypeOfSymbol(given), checker.getTypeOfSymbol(parameter));
      });
      next(signature.getReturnType(), asked.getReturnType());
    });
  }

  #argumentsOf(type: ts.Type): readonly ts.Type[] {
    const { objectFlags = 0 } = type as ts.ObjectType;
    if (!(objectFlags & ts.ObjectFlags.Reference)) return [];
    return this.#checker.getTypeArguments(type as ts.TypeReference);
  }

  #areLists(...types: readonly ts.Type[]): boolean {
    return types.every(
      (type) => this.#checker.isArrayType(type) || this.#checker.isTupleType(type),
    );
  }

  /** The name itself, of a value of one type where another is expected. */
  #name(source: ts.Type, target: ts.Type, at: ts.Expression): void {
    const given = this.#declared(source, this.#from);
    const asked = this.#declared(target, this.#from);
    if (given.length > 0 && asked.length > 0) this.#together([...given, ...asked], at);
    const has = (type: ts.Type, name: string) =>
      this.#checker.getPropertyOfType(type, name) !== undefined;
    const indexed = this.#checker.getIndexInfoOfType(target, ts.IndexKind.String) !== undefined;
    if (given.length > 0 && !has(target, this.#from) && indexed) this.#loose(source, at);
    // What nobody looked at so far would be taken for what is renamed.
    const isTaken = !has(target, this.#to) && has(source, this.#to);
    const taken = () => {
      const what = `has a ${JSON.stringify(this.#to)} already, which would be taken: ${excerpt(at)}`;
      return placeOf(at.getSourceFile(), at.getStart(), what);
    };
    if (isTaken && asked.some((key) => this.#ours.has(key))) this.#conflicts.push(taken());
    if (!this.#isMappedBy(target) || (given.length === 0 && !has(source, this.#to))) return;
    const key = this.#placeKey(at);
    this.mapped.add(key);
    const declared = given.filter((one) => this.#properties.get(one)!.declaration !== undefined);
    if (declared.length > 0) this.#together([...declared, key], at);
    if (isTaken) this.#taken.push({ key, place: taken() });
  }

  /** Whether a type has the name as a key that it maps, which is declared nowhere. */
  #isMappedBy(type: ts.Type): boolean {
    const property = this.#checker.getPropertyOfType(type, this.#isMoved ? this.#to : this.#from);
    if (property === undefined || !isMapped(property)) return false;
    if ((property.getDeclarations() ?? []).length > 0) return false;
    return !this.#isMoved || this.#checker.getPropertyOfType(type, this.#from) === undefined;
  }

  #loose(type: ts.Type, at: ts.Expression): void {
    const keys = this.#within(type, new Set());
    if (keys.length === 0) return;
    const what = `a value whose type is not known on the other side: ${excerpt(at)}`;
    this.#untyped.push({ keys, place: placeOf(at.getSourceFile(), at.getStart(), what) });
  }

  /** The name in a value and in what it holds: elements, and what is written into literals. */
  #within(type: ts.Type, seen: Set<ts.Type>): Key[] {
    if (seen.has(type) || seen.size > MAX_TYPES) return [];
    seen.add(type);
    if (type.isUnion()) return type.types.flatMap((part) => this.#within(part, seen));
    if (!isObject(type)) return [];
    const { objectFlags = 0 } = type as ts.ObjectType;
    const written =
      objectFlags & ts.ObjectFlags.ObjectLiteral ? this.#checker.getPropertiesOfType(type) : [];
    const inner = [
      ...this.#argumentsOf(type),
      ...written.map((property) => this.#checker.getTypeOfSymbol(property)),
    ];
    return [
      ...this.#declared(type, this.#from),
      ...inner.flatMap((part) => this.#within(part, seen)),
    ];
  }

  /** Declarations of a type's property of a name. */
  #declared(type: ts.Type, name: string): Key[] {
    const property = this.#checker.getPropertyOfType(type, name);
    if (property === undefined) return [];
    const declarations = property.getDeclarations() ?? [];
    if (declarations.length > 0) return declarations.map((one) => this.#key(one));
    // Those of `Record` and its like follow the texts that they are made of, and so does what they are spread into.
    const roots = this.#checker.getRootSymbols(property);
    return roots.some(isMapped) ? [] : [this.#undeclared(property)];
  }

  #key(declaration: ts.Declaration): Key {
    const named = ts.getNameOfDeclaration(declaration) ?? declaration;
    const name = ts.isComputedPropertyName(named) ? named.expression : named;
    const path = declaration.getSourceFile().fileName;
    const token = isToken(name) ? name : undefined;
    const at = token === undefined ? name.getStart() : startOf(token);
    const key = `${path}:${at}`;
    if (!this.#properties.has(key)) {
      const own = token !== undefined && literalOf(token) && this.#project.isOwn(path);
      const built = own ? { path, at, token } : undefined;
      this.#properties.set(key, { declaration, built, links: new Map(), what: "" });
    }
    return key;
  }

  /** The keys of the mapped type that a value is used as at a place. */
  #placeKey(at: ts.Expression): Key {
    const key = `~${at.getSourceFile().fileName}:${at.getStart()}:${at.getEnd()}`;
    if (!this.#properties.has(key)) {
      const what = "the keys of a mapped type";
      this.#properties.set(key, {
        declaration: undefined,
        built: undefined,
        links: new Map(),
        what,
      });
    }
    return key;
  }

  /** A property of a pattern that is a parameter's only type: `({ name = 0 } = {})`. */
  #undeclared(symbol: ts.Symbol): Key {
    const key = this.#patterns.get(symbol) ?? `?${this.#patterns.size}`;
    this.#patterns.set(symbol, key);
    if (!this.#properties.has(key)) {
      const what = "a pattern";
      this.#properties.set(key, {
        declaration: undefined,
        built: undefined,
        links: new Map(),
        what,
      });
    }
    return key;
  }

  #together(keys: readonly Key[], at: ts.Expression): void {
    const [first, ...others] = keys;
    for (const other of others) {
      if (first === other) continue;
      const [one, two] = [this.#properties.get(first!)!, this.#properties.get(other)!];
      if (!one.links.has(other)) one.links.set(other, at);
      if (!two.links.has(first!)) two.links.set(first!, at);
    }
  }

  /** `mapped`: which of those are what is renamed. */
  result(mapped: ReadonlySet<Key>): Flow {
    const ours = new Set([...this.#ours, ...mapped]);
    const linked = [...ours].flatMap((key) => this.#linksOf(key));
    const taken = this.#taken.filter(({ key }) => mapped.has(key)).map(({ place }) => place);
    const conflicts = [...this.#conflicts, ...taken];
    const follow: Built[] = [];
    const stuck: Built[] = [];
    const reached = new Set<Key>(ours);
    for (const [start, at] of linked) {
      if (reached.has(start)) continue;
      const { built, ties } = this.#part(start, ours);
      for (const key of built.keys()) reached.add(key);
      if (built.size === 0) ties.set(start, at);
      (ties.size === 0 ? follow : stuck).push(...built.values());
      conflicts.push(...[...ties].map(([key, by]) => this.#tie(key, by)));
    }
    for (const [start, overridden] of this.#overriding) {
      if (reached.has(start) || !overridden.some((key) => reached.has(key))) continue;
      const { built, ties } = this.#part(start, ours);
      // Tied to something else, it is no longer the message's.
      if (ties.size > 0) continue;
      for (const [key, one] of built) if (reached.add(key)) follow.push(one);
    }
    const untyped = this.#untyped
      .filter(({ keys }) => keys.some((key) => reached.has(key)))
      .map(({ place }) => place);
    return { follow, stuck, conflicts, untyped };
  }

  #linksOf(key: Key): [Key, ts.Expression][] {
    return [...(this.#properties.get(key)?.links ?? [])];
  }

  /** Names of literals that hang together with one, and the declared properties that they hang on. */
  #part(
    start: Key,
    ours: ReadonlySet<Key>,
  ): {
    readonly built: ReadonlyMap<Key, Built>;
    readonly ties: Map<Key, ts.Expression>;
  } {
    const built = new Map<Key, Built>();
    const ties = new Map<Key, ts.Expression>();
    const add = (key: Key): boolean => {
      const one = this.#properties.get(key)!.built;
      if (one !== undefined) built.set(key, one);
      return one !== undefined;
    };
    add(start);
    // What is added while the map is walked is walked too.
    for (const key of built.keys()) {
      for (const [other, at] of this.#linksOf(key)) {
        if (!add(other) && !ours.has(other)) ties.set(other, at);
      }
    }
    return { built, ties };
  }

  #tie(key: Key, at: ts.Expression): Place {
    const { declaration, what: undeclared } = this.#properties.get(key)!;
    let where = undeclared;
    if (declaration !== undefined) {
      const source = declaration.getSourceFile();
      const { line } = source.getLineAndCharacterOfPosition(declaration.getStart());
      where = `${source.fileName.split("/").at(-1)}:${line + 1}`;
    }
    const what = `used as what is not renamed too, ${JSON.stringify(this.#from)} in ${where}: ${excerpt(at)}`;
    return placeOf(at.getSourceFile(), at.getStart(), what);
  }
}

/** The function that a node is in, or its file. */
function functionOf(node: ts.Node): ts.Node {
  let within = node.parent;
  while (!ts.isFunctionLike(within) && !ts.isSourceFile(within)) within = within.parent;
  return within;
}

/** `a ?? b` and its like. */
function isEither(operator: ts.SyntaxKind): boolean {
  return (
    operator === ts.SyntaxKind.QuestionQuestionToken ||
    operator === ts.SyntaxKind.BarBarToken ||
    operator === ts.SyntaxKind.AmpersandAmpersandToken
  );
}

/** Whether a property is a key that a mapped type has; the compiler's types do not say so, its symbols do. */
function isMapped(symbol: ts.Symbol): boolean {
  return (symbol as { links?: { mappedType?: ts.Type } }).links?.mappedType !== undefined;
}

function isObject(type: ts.Type): boolean {
  return (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0;
}
