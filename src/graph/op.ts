// The narrow waist between planning and execution: data only, no functions, JSON-serialisable.
// An op's canonical form (canonicalJson) is its definition; whatever must not change a cache key
// (labels, spans, limits, proxy values) lives in VertexMeta instead.
import type { Digest } from '../core/digest.ts';
import type { Platform } from '../core/platform.ts';

/** Root file system of an image, named by the digest of its (single-platform) manifest. No inputs. */
export interface ImageOp {
  readonly type: 'image';
  readonly manifest: Digest;
  /** Normalised reference it was resolved from, for messages and cross-repository mounts. */
  readonly reference: string;
}

/** The empty root file system. No inputs. */
export interface ScratchOp {
  readonly type: 'scratch';
}

/** Files on this machine: the build context (name '') or a named context. Only a source of copies and binds. No inputs. */
export interface LocalOp {
  readonly type: 'local';
  readonly name: string;
}

/** A downloaded file; a source of ADD. No inputs. */
export interface HttpOp {
  readonly type: 'http';
  readonly url: string;
  readonly checksum?: string;
}

/** A git checkout; a source of ADD or a context. No inputs. */
export interface GitOp {
  readonly type: 'git';
  readonly url: string;
  readonly ref?: string;
  readonly subdir?: string;
  readonly keepGitDir: boolean;
  readonly submodules: boolean;
  readonly checksum?: string;
  /** Files get the time of the commit instead of the checkout (`mtime=commit`, D-12). */
  readonly commitTime?: true;
}

export type CopySource =
  /** `pattern` is relative to the root of input number `input` (≥ 1), cleaned, may hold wildcards. */
  | { readonly type: 'files'; readonly input: number; readonly pattern: string }
  /** A heredoc: a file of mode 0644 named `name`. */
  | { readonly type: 'inline'; readonly name: string; readonly content: string }
  /** The file or tree of an http/git input (≥ 1). */
  | { readonly type: 'remote'; readonly input: number };

/** COPY or ADD. inputs[0] is the base tree; sources name the others. */
export interface CopyOp {
  readonly type: 'copy';
  readonly keyword: 'COPY' | 'ADD';
  readonly sources: readonly CopySource[];
  /** Absolute, cleaned, relative text already joined to WORKDIR. */
  readonly dest: string;
  /** The destination was written with a trailing `/` or `/.`, or was `.` or empty (C-20, C-21). */
  readonly destIsDir: boolean;
  /** `user[:group]`, numbers or names; names are looked up in the base tree (C-30…C-32). */
  readonly chown?: string;
  /** Octal or symbolic, expanded and validated by the planner (C-33). */
  readonly chmod?: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** 'auto': local archives are unpacked (ADD); 'always': downloads too; 'never' (COPY, --unpack=false). */
  readonly unpack: 'auto' | 'always' | 'never';
}

/** WORKDIR: create the directory when missing; always makes a layer (I-06). inputs[0] is the base. */
export interface MkdirOp {
  readonly type: 'mkdir';
  /** Absolute and cleaned. */
  readonly path: string;
  /** USER in force: owner of directories that are made; '' is root. */
  readonly user: string;
  /** Seconds since the epoch for new directories (SOURCE_DATE_EPOCH), else the time of the build. */
  readonly epoch?: number;
}

export type Mount =
  | { readonly type: 'bind'; readonly input: number; readonly source: string; readonly target: string; readonly readonly: boolean }
  | {
      readonly type: 'cache';
      readonly id: string;
      readonly target: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readonly: boolean;
      /** Seed of the first content (M-32). */
      readonly input?: number;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly size?: number }
  | {
      readonly type: 'secret';
      readonly id: string;
      /** Absent when only `env` was asked for. */
      readonly target?: string;
      readonly env?: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  /** A heredoc script with `#!`: read-only, 0755, at /dev/pipes/<name> (P-62). */
  | { readonly type: 'inline'; readonly target: string; readonly content: string };

/** RUN. inputs[0] is the root file system; mounts name the others. */
export interface ExecOp {
  readonly type: 'exec';
  readonly args: readonly string[];
  /** `K=V` in order: image Env, then ARGs in scope. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** USER in force as written; '' is root. Resolved in the root file system when it runs. */
  readonly user: string;
  readonly hostname?: string;
  readonly mounts: readonly Mount[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  /** `name=address`, from --add-host. */
  readonly addHosts?: readonly string[];
  readonly shmSize?: number;
  /** `name=soft:hard`. */
  readonly ulimits?: readonly string[];
  readonly cgroupParent?: string;
  /** Secrets whose values belong to the key, by id, sorted; the values are looked up when the key is made. */
  readonly secretKeys?: readonly string[];
}

export type SourceOp = ImageOp | ScratchOp | LocalOp | HttpOp | GitOp;
/** Ops whose output is a root file system with one layer more than inputs[0]. */
export type LayerOp = CopyOp | MkdirOp | ExecOp;
export type Op = SourceOp | LayerOp;

/** State of a stage at one of its steps, for a shell that is opened there. */
export interface Surroundings {
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
}

/** Everything about a vertex that must not influence its identity. */
export interface VertexMeta {
  /** As shown in progress: `[build 2/5] RUN make` (F-14). */
  readonly label: string;
  /** Name of the stage, or `stage-N`. */
  readonly stage: string;
  /** Span of the instruction in the Dockerfile. */
  readonly origin?: { readonly start: number; readonly end: number };
  /** Never reuse a record for this vertex (--no-cache, --no-cache-filter). */
  readonly noCache: boolean;
  /** Milliseconds: an older record is not reused. */
  readonly ttl?: number;
  /** Predefined proxy arguments, both cases: in the environment, not in the key. */
  readonly proxyEnv: readonly string[];
  /** Platform the step runs on. */
  readonly platform: Platform;
  readonly memory?: number;
  readonly cpus?: number;
  /** SHELL in force at a step. */
  readonly shell?: readonly string[];
  /** Of steps other than RUN, whose op says it; only when it was asked for. */
  readonly surroundings?: Surroundings;
}
