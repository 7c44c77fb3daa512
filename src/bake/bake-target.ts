// What a bake comes down to: targets with every attribute typed, in the names of bake files. These are
// data for printing and for building; nothing here knows how a build works.

/** `type=registry,ref=user/app`. */
export interface CacheEntry {
  readonly type: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** One output. `dest` is a path, or `-` for stdout. */
export interface ExportEntry {
  readonly type: string;
  readonly dest?: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** A secret from a file or from an environment variable; without both, from what is named like it. */
export interface SecretEntry {
  readonly id: string;
  readonly src?: string;
  readonly env?: string;
}

export interface SshEntry {
  readonly id: string;
  readonly paths: readonly string[];
}

export interface AttestEntry {
  readonly type: string;
  readonly disabled: boolean;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What a target block, a service of a compose file or an override gives. Absent is "not said". */
export interface TargetFields {
  readonly description?: string;
  readonly inherits?: readonly string[];
  readonly annotations?: readonly string[];
  readonly attest?: readonly AttestEntry[];
  readonly context?: string;
  readonly contexts?: ReadonlyMap<string, string>;
  readonly dockerfile?: string;
  readonly dockerfileInline?: string;
  /** null takes nothing away and adds nothing. */
  readonly args?: ReadonlyMap<string, string | null>;
  readonly labels?: ReadonlyMap<string, string | null>;
  readonly tags?: readonly string[];
  readonly cacheFrom?: readonly CacheEntry[];
  readonly cacheTo?: readonly CacheEntry[];
  readonly target?: string;
  readonly secret?: readonly SecretEntry[];
  readonly ssh?: readonly SshEntry[];
  readonly platforms?: readonly string[];
  readonly output?: readonly ExportEntry[];
  readonly pull?: boolean;
  readonly noCache?: boolean;
  readonly network?: string;
  readonly noCacheFilter?: readonly string[];
  readonly shmSize?: string;
  readonly ulimits?: readonly string[];
  readonly call?: string;
  readonly entitlements?: readonly string[];
  readonly extraHosts?: ReadonlyMap<string, string | null>;
  /** `x-tsbuild`: what buildx has no name for, and passes over. */
  readonly extension?: ReadonlyMap<string, string | null>;
}

/** A target ready to be printed or built. */
export interface BakeTarget extends TargetFields {
  readonly name: string;
  readonly context: string;
  readonly dockerfile: string;
  /** Built only because another target has it as `target:` context. */
  readonly linked: boolean;
}

export interface BakeGroup {
  readonly name: string;
  readonly description?: string;
  readonly targets: readonly string[];
}
