// What a build is asked to do, after the command line is understood and before anything is opened.
import type { Readable } from 'node:stream';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { Digest } from '../../core/digest.ts';
import type { Compression } from '../../core/media-types.ts';
import type { SourceFile } from '../../core/span.ts';
import type { MediaTypeFamily } from '../../push/assemble/manifest-bytes.ts';
import type { CacheTransfer } from '../cache-mounts/cache-transfer.ts';
import type { OnError } from '../debug/failed-step.ts';
import type { StepWeight } from '../solve/admission.ts';
import type { Annotation } from './annotations.ts';

export type SecretSource = { readonly type: 'file'; readonly path: string } | { readonly type: 'env'; readonly name: string };

/** What outputs that ship an image have in common. */
export interface ImageForm {
  /** As typed; the tags of -t win over them. */
  readonly names: readonly string[];
  /** Absent: those that the type is named after. */
  readonly mediaTypes?: MediaTypeFamily;
  readonly layers: LayerOptions;
  /** Beside those of the whole build. */
  readonly annotations?: readonly Annotation[];
}

/** One --output. */
export type OutputSpec =
  /** `nameCanonical`: also known by NAME@DIGEST. */
  | ({ readonly type: 'image'; readonly push: boolean; readonly pushByDigest: boolean; readonly nameCanonical?: boolean } & ImageForm)
  | ({ readonly type: 'oci' | 'docker'; readonly dest: string; readonly tar: boolean } & ImageForm)
  /** Hand over to a Docker or Podman of this machine. */
  | ({ readonly type: 'load' } & ImageForm)
  /** `platformSplit` null: split when there are several platforms (E-09). */
  | { readonly type: 'tar' | 'local'; readonly dest: string; readonly platformSplit: boolean | null }
  /** Build, and keep the result without a name. */
  | { readonly type: 'cacheonly' };

export interface LayerOptions {
  /** Of layers that this build's steps make; what was made before keeps its own, unless forced. Absent: as the first output has them, else gzip. */
  readonly compression?: Compression | 'estargz';
  readonly level?: number;
  /** All layers of the image, those of its base too. */
  readonly force?: boolean;
  /** No file of this build's layers is younger than SOURCE_DATE_EPOCH (E-06). */
  readonly rewriteTimestamp?: boolean;
}

export interface BuildRequest {
  /** As typed: a directory, `-`, or a URL. */
  readonly context: string;
  /** -f as typed. */
  readonly dockerfile?: string;
  readonly stdin: Readable;
  readonly tags: readonly string[];
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: readonly Annotation[];
  /** As typed; empty means this machine. */
  readonly platforms: readonly string[];
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  /** name → source as typed. */
  readonly namedContexts: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** ssh id → agent socket path. */
  readonly ssh: Readonly<Record<string, string>>;
  /** ssh id → private keys, for which the build has an agent of its own. */
  readonly sshKeys?: Readonly<Record<string, readonly string[]>>;
  readonly addHosts: readonly string[];
  readonly network: 'default' | 'none' | 'host';
  readonly allow: readonly ('network.host' | 'security.insecure')[];
  readonly shmSize?: number;
  readonly memory?: number;
  /** CPUs of each RUN step, may be a fraction. */
  readonly cpus?: number;
  /** What a RUN takes, for deciding what may run beside it; no limit. */
  readonly weight?: StepWeight;
  readonly ulimits: readonly string[];
  readonly cgroupParent?: string;
  readonly outputs: readonly OutputSpec[];
  /** Cache mounts to fill before, and to save after a build that worked. */
  readonly cacheImports?: readonly CacheTransfer[];
  readonly cacheExports?: readonly CacheTransfer[];
  /** What happens with a step whose command fails; default: nothing. */
  readonly onError?: OnError;
}

/** A Dockerfile that cannot be built: everything that is wrong with it. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly file: SourceFile;
  readonly diagnostics: readonly Diagnostic[];

  constructor(file: SourceFile, diagnostics: readonly Diagnostic[]) {
    super(diagnostics.find((diagnostic) => diagnostic.severity === 'error')?.message ?? 'the Dockerfile has errors');
    this.file = file;
    this.diagnostics = diagnostics;
  }
}

export interface BuildOutcome {
  /** Manifest or index, in the store whatever the outputs are. */
  readonly image: Descriptor;
  /** The same as the result of the outputs; absent for type=tar and type=local alone. */
  readonly descriptor?: Descriptor;
  /** Config of the image, for a single platform. */
  readonly configDigest?: Digest;
  /** Normalised names. */
  readonly names: readonly string[];
  readonly file: SourceFile;
  readonly warnings: readonly Diagnostic[];
}
