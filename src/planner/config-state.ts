// Image metadata while a stage is folded: container config, author and history, each step a new
// value. What the fields mean is section 7 of the language reference; texts are in history.ts.
import type { ContainerConfig } from '../core/descriptor.ts';
import type { Platform } from '../core/platform.ts';
import type { HistoryDraft } from '../graph/image-plan.ts';
import type { VertexId } from '../graph/vertex.ts';
import { Chain } from './chain.ts';
import { ImageEnv } from './image-env.ts';

export const HISTORY_COMMENT = 'buildkit.dockerfile.v0';
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

export interface ConfigState {
  /** Without what the members below hold; labels, ports and volumes are those of the base. */
  readonly config: Omit<ContainerConfig, 'Env' | 'OnBuild'>;
  readonly env: ImageEnv;
  /** Added to those of the base. */
  readonly labels: Chain<readonly [name: string, value: string]>;
  readonly ports: Chain<string>;
  readonly volumes: Chain<string>;
  /** Of this stage. */
  readonly triggers: Chain<string>;
  readonly author?: string;
  readonly history: Chain<HistoryDraft>;
  /** Top-level members of the base config that this program does not know (G-01). */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Nothing added yet. */
export const NO_ADDITIONS = {
  labels: Chain.of<readonly [string, string]>([]),
  ports: Chain.of<string>([]),
  volumes: Chain.of<string>([]),
  triggers: Chain.of<string>([]),
} as const;

/** F-15; Windows has no PATH to begin with. */
export const scratchConfig = ({ os }: Platform): ConfigState => ({
  config: { WorkingDir: '/' },
  env: ImageEnv.of(os === 'windows' ? [] : [`PATH=${DEFAULT_PATH}`]),
  ...NO_ADDITIONS,
  history: Chain.of<HistoryDraft>([]),
  extra: {},
});

/** The config as the image has it; `labels` are added last (I-02). */
export function containerConfig(state: ConfigState, labels: Readonly<Record<string, string>>): ContainerConfig {
  const { config } = state;
  const allLabels = [...state.labels.toArray(), ...Object.entries(labels)];
  const triggers = state.triggers.toArray();
  return {
    ...config,
    Env: state.env.toList(),
    ...(allLabels.length > 0 && { Labels: sorted({ ...config.Labels, ...Object.fromEntries(allLabels) }) }),
    ...(state.ports.length > 0 && { ExposedPorts: withMembers(config.ExposedPorts, state.ports.toArray()) }),
    ...(state.volumes.length > 0 && { Volumes: withMembers(config.Volumes, state.volumes.toArray()) }),
    ...(triggers.length > 0 && { OnBuild: triggers }),
  };
}

/** Members in code-unit order, as Go writes maps. */
const sorted = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Adds members to a set-like object. */
function withMembers(
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
  return { ...state, history: state.history.append([entry]) };
}

/** What the shell form of RUN, CMD and ENTRYPOINT is handed to (R-01, I-09). */
export const shellOf = (config: Pick<ContainerConfig, 'Shell'>): readonly string[] =>
  config.Shell !== undefined && config.Shell.length > 0 ? config.Shell : DEFAULT_SHELL;
