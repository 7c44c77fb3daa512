// Bytes of an image config as BuildKit writes them: top-level keys sorted, the members of `config`
// in the order of the Go structs, empty ones left out (G-01).
import type { ContainerConfig, Healthcheck, HistoryEntry } from '../../core/descriptor.ts';
import type { DiffId } from '../../core/digest.ts';
import type { Platform } from '../../core/platform.ts';
import { goJson, type JsonValue, nonEmpty, sortedMap } from './go-json.ts';
import { completeHistory, type LayerOrigin } from './image-history.ts';

/** What an image is besides its layers; an ImagePlan is one. */
export interface ImageDraft {
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly author?: string;
  readonly history: readonly HistoryEntry[];
  /** Top-level members of the base config that we do not know. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Seconds. */
  readonly epoch?: number;
}

/** Known top-level members; `extra` can neither add to nor replace them. */
const OWN = ['architecture', 'author', 'config', 'created', 'history', 'os', 'os.features', 'os.version', 'rootfs', 'variant'];

export function encodeConfig(draft: ImageDraft, layers: readonly (LayerOrigin & { readonly diffId: DiffId })[]): Buffer {
  const history = completeHistory(draft.history, layers, draft.epoch);
  const { platform } = draft;
  const extra = Object.fromEntries(Object.entries(draft.extra ?? {}).filter(([key]) => !OWN.includes(key))) as Record<string, JsonValue>;
  const diffIds = layers.map((layer) => layer.diffId);
  const members: Record<string, JsonValue | undefined> = {
    ...extra,
    architecture: platform.architecture,
    author: nonEmpty(draft.author),
    config: containerConfig(draft.config),
    created: history.findLast((entry) => entry.created !== undefined)?.created ?? null,
    history: history.length === 0 ? null : history.map(historyEntry),
    os: platform.os,
    'os.features': nonEmpty(platform['os.features']),
    'os.version': nonEmpty(platform['os.version']),
    // Go's nil slice: an image without layers.
    rootfs: { type: 'layers', diff_ids: diffIds.length === 0 ? null : diffIds },
    variant: nonEmpty(platform.variant),
  };
  return goJson(sortedMap(members as Record<string, JsonValue>));
}

const historyEntry = (entry: HistoryEntry): JsonValue => ({
  created: entry.created,
  created_by: nonEmpty(entry.created_by),
  author: nonEmpty(entry.author),
  comment: nonEmpty(entry.comment),
  empty_layer: nonEmpty(entry.empty_layer),
});

const containerConfig = (config: ContainerConfig): JsonValue => ({
  User: nonEmpty(config.User),
  ExposedPorts: nonEmpty(config.ExposedPorts && sortedMap(config.ExposedPorts)),
  Env: nonEmpty(config.Env),
  Entrypoint: nonEmpty(config.Entrypoint ?? undefined),
  Cmd: nonEmpty(config.Cmd ?? undefined),
  Volumes: nonEmpty(config.Volumes && sortedMap(config.Volumes)),
  WorkingDir: nonEmpty(config.WorkingDir),
  Labels: nonEmpty(config.Labels && sortedMap(config.Labels)),
  StopSignal: nonEmpty(config.StopSignal),
  ArgsEscaped: nonEmpty(config.ArgsEscaped),
  Healthcheck: config.Healthcheck && healthcheck(config.Healthcheck),
  OnBuild: nonEmpty(config.OnBuild ?? undefined),
  Shell: nonEmpty(config.Shell),
});

const healthcheck = (check: Healthcheck): JsonValue => ({
  Test: nonEmpty(check.Test),
  Interval: nonEmpty(check.Interval),
  Timeout: nonEmpty(check.Timeout),
  StartPeriod: nonEmpty(check.StartPeriod),
  StartInterval: nonEmpty(check.StartInterval),
  Retries: nonEmpty(check.Retries),
});
