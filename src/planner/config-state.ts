// Image metadata while a stage is folded: container config, author and history, each step a new
// value. What the fields mean is section 7 of the language reference; texts are in history.ts.
import type { ContainerConfig } from '../core/descriptor.ts';
import type { HistoryDraft } from '../graph/image-plan.ts';
import type { VertexId } from '../graph/vertex.ts';
import { splitEnv } from './scope.ts';

export const HISTORY_COMMENT = 'buildkit.dockerfile.v0';
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

export interface ConfigState {
  readonly config: ContainerConfig;
  readonly author?: string;
  readonly history: readonly HistoryDraft[];
  /** Top-level members of the base config that this program does not know (G-01). */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** F-15. */
export const scratchConfig = (): ConfigState => ({
  config: { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' },
  history: [],
  extra: {},
});

/** an existing key keeps its place. */
export function withEnv(config: ContainerConfig, pairs: readonly (readonly [string, string])[]): ContainerConfig {
  const env = [...(config.Env ?? [])];
  // A table of places pays only for long instructions; most set one variable.
  const places = pairs.length > 4 ? new Map(env.map((pair, at) => [splitEnv(pair)[0], at])) : undefined;
  for (const [name, value] of pairs) {
    const prefix = `${name}=`;
    const found = places ? places.get(name) : env.findIndex((pair) => pair === name || pair.startsWith(prefix));
    const at = found === undefined || found === -1 ? env.length : found;
    places?.set(name, at);
    env[at] = `${name}=${value}`;
  }
  return { ...config, Env: env };
}

export const withLabels = (config: ContainerConfig, labels: Readonly<Record<string, string>>): ContainerConfig => ({
  ...config,
  Labels: sorted({ ...config.Labels, ...labels }),
});

/** Members in code-unit order, as Go writes maps. */
const sorted = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Adds members to a set-like object (ExposedPorts, Volumes). */
export function withMembers(
  set: Readonly<Record<string, Record<string, never>>> | undefined,
  members: readonly string[],
): Readonly<Record<string, Record<string, never>>> {
  return sorted({ ...set, ...Object.fromEntries(members.map((member) => [member, {}])) });
}

/** Appends a history line; with `vertex` it owns a layer, else it is empty (I-01). */
export function withHistory(state: ConfigState, createdBy: string, vertex?: VertexId): ConfigState {
  const entry: HistoryDraft =
    vertex === undefined
      ? { created_by: createdBy, comment: HISTORY_COMMENT, empty_layer: true }
      : { created_by: createdBy, comment: HISTORY_COMMENT, vertex };
  return { ...state, history: [...state.history, entry] };
}

/** What the shell form of RUN, CMD and ENTRYPOINT is handed to (R-01, I-09). */
export const shellOf = (config: ContainerConfig): readonly string[] =>
  config.Shell !== undefined && config.Shell.length > 0 ? config.Shell : DEFAULT_SHELL;
