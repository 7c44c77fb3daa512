// Metadata of a base image as the start of a stage (F-16, F-20, G-01). Registry data is not trusted:
// members of the wrong type are dropped, unknown ones are kept.
import type { ContainerConfig, HistoryEntry, ImageConfig } from '../core/descriptor.ts';
import { Chain } from './chain.ts';
import { type ConfigState, DEFAULT_PATH, NO_ADDITIONS } from './config-state.ts';
import { ImageEnv, splitEnv } from './image-env.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isRecord: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTextList: Check = (value) => Array.isArray(value) && value.every(isText);
const isSet: Check = (value) => isRecord(value) && Object.values(value as object).every(isRecord);
const isTextRecord: Check = (value) => isRecord(value) && Object.values(value as object).every(isText);

const CHECKS: Readonly<Record<Exclude<keyof ContainerConfig, 'OnBuild'>, Check>> = {
  User: isText,
  ExposedPorts: isSet,
  Env: isTextList,
  Entrypoint: isTextList,
  Cmd: isTextList,
  Volumes: isSet,
  WorkingDir: isText,
  Labels: isTextRecord,
  StopSignal: isText,
  ArgsEscaped: (value) => typeof value === 'boolean',
  Healthcheck: isRecord,
  Shell: isTextList,
};

/** Everything is inherited but the triggers, which run and vanish (O-03). */
export function configFromImage(image: ImageConfig): ConfigState {
  const { created: _created, author, config, rootfs: _rootfs, history, os: _os, architecture: _arch, variant: _variant, ...rest } = image;
  const { 'os.version': _version, 'os.features': _features, ...extra } = rest as Record<string, unknown>;
  const { Env: env, OnBuild: _ran, ...kept } = checkedConfig(config);
  return {
    config: kept,
    env: ImageEnv.of(withPath(env ?? [])),
    ...NO_ADDITIONS,
    ...(typeof author === 'string' && author !== '' && { author }),
    history: Chain.of(checkedHistory(history)),
    extra,
  };
}

function checkedConfig(config: unknown): ContainerConfig {
  if (!isRecord(config)) return {};
  const kept = Object.entries(config as object).filter(([name, value]) => {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof typeof CHECKS] : undefined;
    return name !== 'OnBuild' && (check === undefined || check(value));
  });
  return Object.fromEntries(kept);
}

function checkedHistory(history: unknown): readonly HistoryEntry[] {
  return Array.isArray(history) ? history.filter(isRecord) : [];
}

/** F-16: PATH is appended when the base has none. */
function withPath(env: readonly string[]): readonly string[] {
  return env.some((pair) => splitEnv(pair)[0] === 'PATH') ? env : [...env, `PATH=${DEFAULT_PATH}`];
}
