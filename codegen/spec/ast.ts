/**
 * A spec as it was read: structure checked, every reference still a name. The parse files make it, model/ resolves it.
 * Each thing keeps the span that a diagnostic about it points at.
 */
import type { Unnamed } from "../kinds/kind.ts";
import type { DefinedType, LeafType } from "../kinds/kinds.ts";
import type { Artefact } from "../model/artefacts.ts";
import type { Delivery, Direction, SystemDirection } from "../model/delivery.ts";
import type { ChannelOptions, LimitsModel } from "../model/model.ts";
import type { CipherName, Security } from "../model/security.ts";
import type { MapNode, Node } from "./node.ts";
import type { Span } from "./source.ts";

export interface DocsAst {
  readonly doc?: string;
  readonly why?: string;
  readonly unit?: string;
  readonly deprecated?: { since?: number; replacedBy?: string; reason?: string };
  readonly line: number;
}

export type TypeExpr =
  /** Complete in itself. */
  | { readonly kind: "leaf"; readonly span: Span; readonly type: LeafType }
  | { readonly kind: "ref"; readonly span: Span; readonly name: string }
  | { readonly kind: "list"; readonly span: Span; readonly of: TypeExpr; readonly max: number }
  /** Has a definition, and needs a name. */
  | ({ readonly kind: "defined"; readonly span: Span; readonly of: DefinedType["kind"] } & Unnamed)
  | { readonly kind: "array"; readonly span: Span; readonly of: TypeExpr; readonly length: number }
  | {
      readonly kind: "map";
      readonly span: Span;
      readonly key: TypeExpr;
      readonly value: TypeExpr;
      readonly max: number;
    }
  | { readonly kind: "union"; readonly span: Span; readonly variants: readonly VariantAst[] }
  | {
      readonly kind: "struct";
      readonly span: Span;
      readonly members: readonly MemberAst[];
      readonly extensible: boolean;
    };

export interface MemberAst {
  readonly name: string;
  readonly span: Span;
  readonly type: TypeExpr;
  readonly optional: boolean;
  readonly docs: DocsAst;
  readonly since?: Given<number>;
  readonly default?: { readonly node: Node; readonly span: Span };
}

/** A value of the spec and where it stands. */
export interface Given<T> {
  readonly value: T;
  readonly span: Span;
}

export interface VariantAst {
  readonly name: string;
  readonly span: Span;
  readonly type: TypeExpr;
  readonly docs: DocsAst;
  readonly tag: number;
}

export interface TypeAst {
  readonly name: string;
  readonly span: Span;
  readonly type: TypeExpr;
  readonly docs: DocsAst;
  readonly maxDepth?: Given<number>;
  readonly maxBytes?: Given<number>;
}

export interface ChannelAst extends ChannelOptions {
  readonly name: string;
  readonly span: Span;
  readonly docs: DocsAst;
  readonly id: number;
  readonly idSpan: Span;
  readonly delivery: Delivery;
  readonly direction: Direction;
  readonly priority: number;
  readonly weight: number;
  readonly fragment: boolean;
  readonly compress: boolean;
  /** Whether `fragment` was written down. */
  readonly saysFragment: boolean;
  readonly maxBytes?: { readonly value: number; readonly span: Span };
  readonly queueBytes?: { readonly value: number; readonly span: Span };
  /** Members of its own, or the name of a struct; of a channel with `request`, what is asked. */
  readonly message: TypeExpr;
  /** What is answered, where the channel carries requests. */
  readonly request?: RequestAst;
}

/** What answers a request. */
export interface RequestAst {
  /** Members of its own, or the name of a struct. */
  readonly response: TypeExpr;
  /** A union of what may be answered instead. */
  readonly errors?: Extract<TypeExpr, { kind: "union" }>;
}

/** A message between the threads of a server. */
export interface SystemMessageAst {
  readonly name: string;
  readonly span: Span;
  readonly docs: DocsAst;
  readonly direction: SystemDirection;
  /** Members of its own, or the name of a struct. */
  readonly message: TypeExpr;
}

export type HeaderList = "clear" | "sealed" | "frame";

export interface HeaderFieldAst {
  readonly name: string;
  readonly span: Span;
  readonly docs: DocsAst;
  readonly role?: { readonly name: string; readonly span: Span };
  readonly type?: { readonly name: string; readonly span: Span };
  readonly bits?: number;
  readonly when: readonly { readonly name: string; readonly span: Span }[];
  readonly whenSpan: Span;
}

export type HeaderAst = Readonly<Record<HeaderList, readonly HeaderFieldAst[]>> & {
  readonly span: Span;
  readonly listSpans: Readonly<Record<HeaderList, Span>>;
};

export interface ZeroMessageAst {
  readonly name: string;
  readonly span: Span;
  readonly docs: DocsAst;
  readonly from?: { readonly name: string; readonly span: Span };
  readonly sys?: MapNode;
  readonly body?: MapNode;
}

/** `limits`, defaults filled in. */
export type LimitsAst = Omit<LimitsModel, "sliceBytes"> & {
  readonly defaultMaxStringBytes: number;
  readonly defaultMaxBytesBytes: number;
  readonly defaultMaxListItems: number;
  readonly defaultMaxMapItems: number;
};

export interface SpecAst {
  readonly name: string;
  readonly version: number;
  readonly doc?: string;
  readonly security: Security;
  /** It stands in the spec. */
  readonly saysSecurity: boolean;
  /** Where it is sealed. */
  readonly cipher?: CipherName;
  readonly limits: LimitsAst;
  readonly limitsSpan: Span;
  readonly header?: HeaderAst;
  readonly types: readonly TypeAst[];
  readonly channels: readonly ChannelAst[];
  readonly system: readonly SystemMessageAst[];
  readonly zero: readonly ZeroMessageAst[];
  /** Reserved channel ids and where each stands. */
  readonly reserved: ReadonlyMap<number, Span>;
  /** What is generated beside the code. */
  readonly artefacts: readonly Artefact[];
}
