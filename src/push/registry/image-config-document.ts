// The image config from outside: its members have the types that core/descriptor.ts promises, or it is
// refused. Planner and executor then need no doubts of their own.
import type { ImageConfig } from '../../core/descriptor.ts';
import { isDigest } from '../../core/digest.ts';
import type { TsbuildError } from '../../core/errors.ts';
import { isObject, isTextMap, parseObject } from '../../core/json-object.ts';

type Test = (value: unknown) => boolean;

const text: Test = (value) => typeof value === 'string';
const integer: Test = (value) => Number.isSafeInteger(value);
const flag: Test = (value) => typeof value === 'boolean';
const texts: Test = (value) => Array.isArray(value) && value.every(text);
const names: Test = isObject;

const HEALTHCHECK: Readonly<Record<string, Test>> = {
  Test: texts,
  Interval: integer,
  Timeout: integer,
  StartPeriod: integer,
  StartInterval: integer,
  Retries: integer,
};

const CONTAINER: Readonly<Record<string, Test>> = {
  User: text,
  ExposedPorts: names,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: names,
  WorkingDir: text,
  Labels: isTextMap,
  StopSignal: text,
  ArgsEscaped: flag,
  Healthcheck: (value) => isObject(value) && wrongMember(value, HEALTHCHECK) === null,
  OnBuild: texts,
  Shell: texts,
};

const HISTORY: Readonly<Record<string, Test>> = { created: text, created_by: text, author: text, comment: text, empty_layer: flag };

const CONFIG: Readonly<Record<string, Test>> = {
  created: text,
  author: text,
  os: text,
  architecture: text,
  variant: text,
  'os.version': text,
  'os.features': texts,
  history: (value) => Array.isArray(value) && value.every((entry) => isObject(entry) && wrongMember(entry, HISTORY) === null),
};

/** First member with a wrong type; null (Go's empty) and absent are fine everywhere. */
function wrongMember(value: Readonly<Record<string, unknown>>, table: Readonly<Record<string, Test>>): string | null {
  for (const [name, test] of Object.entries(table)) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member !== undefined && member !== null && !test(member)) return name;
  }
  return null;
}

/** null members are left out, so that `undefined` is the only absence. Entrypoint, Cmd and OnBuild keep null (it is in their type). */
function withoutNulls(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = new Set(['Entrypoint', 'Cmd', 'OnBuild']);
  return Object.fromEntries(Object.entries(value).filter(([name, member]) => member !== null || kept.has(name)));
}

/** Config with `layers` diffIDs; anything else throws what `refuse` makes of the reason. */
export function parseImageConfig(bytes: Buffer, layers: number, refuse: (reason: string) => TsbuildError): ImageConfig {
  const json = parseObject(bytes);
  if (!json) throw refuse('the image config is not a JSON object');
  const wrong = wrongMember(json, CONFIG);
  if (wrong !== null) throw refuse(`"${wrong}" of the image config has the wrong type`);

  const container = json['config'] ?? undefined;
  if (container !== undefined && !isObject(container)) throw refuse('"config" of the image config is not an object');
  const wrongInside = container === undefined ? null : wrongMember(container, CONTAINER);
  if (wrongInside !== null) throw refuse(`"config.${wrongInside}" of the image config has the wrong type`);

  const rootfs = json['rootfs'];
  const diffIds: unknown = isObject(rootfs) ? (rootfs['diff_ids'] ?? []) : undefined;
  if (!Array.isArray(diffIds) || !diffIds.every((diffId) => typeof diffId === 'string' && isDigest(diffId))) {
    throw refuse('"rootfs.diff_ids" of the image config is not a list of sha256 digests');
  }
  if (diffIds.length !== layers) throw refuse(`the manifest has ${layers} layers, the image config ${diffIds.length}`);
  const history = json['history'];
  return {
    ...withoutNulls(json),
    os: json['os'] || 'linux',
    architecture: json['architecture'] ?? '',
    ...(container !== undefined && { config: withoutNulls(container) }),
    ...(Array.isArray(history) && { history: history.map((entry) => withoutNulls(entry as Record<string, unknown>)) }),
    rootfs: { type: 'layers', diff_ids: diffIds },
  } as unknown as ImageConfig;
}
