// Metadata of a base image as the start of a stage (F-16, F-20, G-01). Members have the types that
// core/descriptor.ts promises: who brings an image refuses others. Unknown ones are kept.
import type { ImageConfig } from '../core/descriptor.ts';
import { Chain } from './chain.ts';
import { type ConfigState, DEFAULT_PATH, NO_ADDITIONS } from './config-state.ts';
import { ImageEnv, splitEnv } from './image-env.ts';

/** Everything is inherited but the triggers, which run and vanish (O-03). */
export function configFromImage(image: ImageConfig): ConfigState {
  const { created: _created, author, config = {}, rootfs: _rootfs, history = [], os: _os, architecture: _arch, ...rest } = image;
  const { variant: _variant, 'os.version': _version, 'os.features': _features, ...extra } = rest;
  const { Env: env = [], OnBuild: _ran, ExposedPorts: ports, Volumes: volumes, ...kept } = config;
  return {
    config: { ...kept, ...(ports && { ExposedPorts: asSet(ports) }), ...(volumes && { Volumes: asSet(volumes) }) },
    env: ImageEnv.of(withPath(env)),
    ...NO_ADDITIONS,
    ...(author && { author }),
    history: Chain.of(history),
    extra,
  };
}

/** Only names count, whatever they are given: in Go the values are empty structs. */
const asSet = (names: object): Readonly<Record<string, Record<string, never>>> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, {}]));

/** F-16: PATH is appended when the base has none. */
function withPath(env: readonly string[]): readonly string[] {
  return env.some((pair) => splitEnv(pair)[0] === 'PATH') ? env : [...env, `PATH=${DEFAULT_PATH}`];
}
