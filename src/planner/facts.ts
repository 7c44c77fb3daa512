// What the planner must know about the world, as plain data: planning is sans-IO and replayable.
// `planBuild` returns `needs` until every query is answered; the same facts give the same plan.
import type { ImageConfig } from '../core/descriptor.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Digest } from '../core/digest.ts';
import type { Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { BuildPlan } from '../graph/image-plan.ts';

export interface ImageQuery {
  /** Normalised reference or `oci-layout://…` as a named context gave it. */
  readonly reference: string;
  readonly platform: Platform;
  /** A stage with nearly this name: for the message when there is no such image. */
  readonly near?: string;
  /** Where the file first names it. */
  readonly span?: Span;
}

export interface ImageFact {
  /** Manifest for the platform (not the index). */
  readonly manifest: Digest;
  readonly config: ImageConfig;
}

/** Answers by `queryKey`; an unresolvable image is an error of the resolver, not a fact. */
export interface Facts {
  readonly images: ReadonlyMap<string, ImageFact>;
}

export const queryKey = (query: ImageQuery): string =>
  `${query.reference} ${query.platform.os}/${query.platform.architecture}${query.platform.variant ? `/${query.platform.variant}` : ''}`;

/** A named context (K-12). */
export type NamedContext =
  | { readonly type: 'image'; readonly reference: string }
  | { readonly type: 'oci-layout'; readonly path: string; readonly digest: Digest }
  | { readonly type: 'local'; readonly path: string }
  | { readonly type: 'git'; readonly url: string }
  | { readonly type: 'http'; readonly url: string };

export interface PlanOptions {
  readonly platforms: readonly Platform[];
  /** Nobody asked for `platforms`: an image then keeps the platform of its base instead of taking the target's. */
  readonly implicitPlatform?: boolean;
  readonly buildPlatform: Platform;
  readonly target?: string;
  /** Look at every stage, not only at what the target needs: for checks without a build (S-01). Then all images are asked for. */
  readonly everyStage?: boolean;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Build-level labels, added last without history (I-02). */
  readonly labels: Readonly<Record<string, string>>;
  /** true: everything; a list: those stages (K-15). */
  readonly noCache: boolean | readonly string[];
  readonly namedContexts: Readonly<Record<string, NamedContext>>;
  /** --network of the command line: default for RUN without a flag of its own. */
  readonly network: 'default' | 'none' | 'host';
  /** Entitlements granted with --allow. */
  readonly allow: readonly ('network.host' | 'security.insecure')[];
  readonly addHosts: readonly string[];
  readonly shmSize?: number;
  readonly ulimits: readonly string[];
  readonly cgroupParent?: string;
  readonly memory?: number;
  readonly cpus?: number;
  /** Note at every step what a shell there would see: for people who open one (VertexMeta.surroundings). */
  readonly surroundings?: boolean;
  /** Why the build context does not show a path: the ignoring line, or null when nothing ignores it (W-19). */
  readonly hiddenBy?: (path: string) => string | null;
}

export type PlanResult =
  | { readonly type: 'needs'; readonly queries: readonly ImageQuery[] }
  | { readonly type: 'ready'; readonly plan: BuildPlan; readonly diagnostics: readonly Diagnostic[] }
  | { readonly type: 'failed'; readonly diagnostics: readonly Diagnostic[] };
