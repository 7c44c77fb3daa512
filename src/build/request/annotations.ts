// `--annotation` and the attribute `annotations` of bake: `[TYPE[PLATFORM],…:]KEY=VALUE`, as buildx reads
// them, and which of them are for which document of an image.
import { TsbuildError } from '../../core/errors.ts';
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from '../../core/platform.ts';

const TYPES = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type AnnotationType = (typeof TYPES)[number];

export interface Annotation {
  readonly type: AnnotationType;
  /** Formatted; null for all. */
  readonly platform: string | null;
  readonly key: string;
  readonly value: string;
}

/** One or more, for `manifest,index:KEY=VALUE`. `refuse` makes the error for a text that is none. */
export function parseAnnotation(text: string, refuse: (message: string, hint?: string) => Error): Annotation[] {
  const [, types = 'manifest', rest = text] = /^([^=:]*):(.*)$/s.exec(text) ?? [];
  const equals = rest.indexOf('=');
  const key = rest.slice(0, Math.max(0, equals));
  if (equals === -1) throw refuse(`${JSON.stringify(text)} is not KEY=VALUE`);
  if (key === '' || /\s/.test(key)) throw refuse(`${JSON.stringify(key)} is no name of an annotation`);
  return types.split(',').map((one) => {
    const [, name = '', platform] = /^([a-z-]+)(?:\[([^\]]+)\])?$/.exec(one.trim()) ?? [];
    const type = TYPES.find((known) => known === name);
    if (type === undefined) throw refuse(`${JSON.stringify(one)} has no annotations`, `types are ${TYPES.join(', ')}, before a colon`);
    return { type, platform: platform === undefined ? null : formatPlatform(platformOf(platform)), key, value: rest.slice(equals + 1) };
  });
}

const platformOf = (text: string): Platform => parsePlatform(text, hostPlatform(process.arch));

/** Throws 'build/output' for what an image of these platforms has no place for. */
export function checkAnnotations(annotations: readonly Annotation[], platforms: readonly Platform[]): void {
  if (platforms.length === 1) {
    const index = annotations.find(({ type }) => type === 'index' || type === 'index-descriptor');
    if (index === undefined) return;
    throw new TsbuildError({
      code: 'build/output',
      message: `annotation ${index.key} is for an index, and one platform makes none`,
      hint: 'leave "index:" out to annotate the manifest, or build several platforms',
    });
  }
  const known = platforms.map(formatPlatform);
  const stray = annotations.find(({ platform }) => platform !== null && !known.includes(platform));
  if (stray === undefined) return;
  throw new TsbuildError({
    code: 'build/output',
    message: `annotation ${stray.key} is for ${stray.platform}, which is not built`,
    hint: `built are ${known.join(', ')}`,
  });
}

/** Those for one document: of all platforms first, then of this one. `platform` null is an image that has no other. */
export function annotationsOf(
  annotations: readonly Annotation[],
  type: AnnotationType,
  platform: Platform | null,
): Readonly<Record<string, string>> | undefined {
  const name = platform === null ? null : formatPlatform(platform);
  const ofType = annotations.filter((annotation) => annotation.type === type);
  const isIndex = type === 'index' || type === 'index-descriptor';
  const general = ofType.filter((annotation) => annotation.platform === null || isIndex);
  const special = isIndex || name === null ? [] : ofType.filter((annotation) => annotation.platform === name);
  const pairs = [...general, ...special].map(({ key, value }) => [key, value] as const);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
