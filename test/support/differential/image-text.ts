// An image as readable text, relative to its base: what Docker made is recorded as this text, and
// what tsbuild makes must read the same.
import { OLD } from './case.ts';
import type { OciConfig, OciHistory, OciImage, TreeEntry } from './oci-image.ts';

/** The base image's own layers and history, which the text leaves out. */
export interface BaseImage {
  readonly diffIds: readonly string[];
  readonly history: number;
}

export const baseOf = ({ config }: OciImage): BaseImage => ({
  diffIds: config.rootfs.diff_ids ?? [],
  history: config.history?.length ?? 0,
});

export function imagesText(images: readonly OciImage[], base: BaseImage): string {
  const key = ({ config }: OciImage): string => `${config.os} ${config.architecture} ${config.variant ?? ''}`;
  return images
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((image) => imageText(image, base))
    .join('\n');
}

function imageText(image: OciImage, base: BaseImage): string {
  const ids = image.config.rootfs.diff_ids ?? [];
  const based = base.diffIds.length > 0 && base.diffIds.every((id, at) => ids[at] === id);
  const below = based ? base.diffIds.length : 0;
  return [
    ...configLines(image.config, based),
    ...(image.config.history ?? []).slice(based ? base.history : 0).map(historyLine),
    ...image.layers.slice(below).map((names, at) => `layer ${at}: ${names.toSorted().map(shown).join(' ') || '(empty)'}`),
    ...treeLines(image, below),
    '',
  ].join('\n');
}

function configLines(config: OciConfig, based: boolean): string[] {
  const platform = [config.os, config.architecture, config.variant].filter((part) => part !== undefined && part !== '').join('/');
  const lines = [`image ${platform}${based ? ' on busybox' : ''}`];
  if (config.author) lines.push(`author ${JSON.stringify(config.author)}`);
  if (isOld(config.created)) lines.push(`created ${config.created}`);
  for (const [key, value] of Object.entries(config.config ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isEmpty(value)) lines.push(`config ${key} ${sortedJson(value)}`);
  }
  return lines;
}

const isOld = (time: string | undefined): boolean => time !== undefined && Date.parse(time) / 1000 < OLD;

const isEmpty = (value: unknown): boolean =>
  value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

const historyLine = ({ created_by, empty_layer, created }: OciHistory): string =>
  `history ${empty_layer === true ? '-' : '*'} ${JSON.stringify((created_by ?? '').trim())}${isOld(created) ? ` ${created}` : ''}`;

const shown = (name: string): string => (/^[\x21-\x7e]+$/.test(name) ? name : JSON.stringify(name));

function treeLines({ tree, removed }: OciImage, below: number): string[] {
  const groups = new Map<number, string[]>();
  for (const [path, { inode }] of tree) groups.set(inode, [...(groups.get(inode) ?? []), path]);
  const lines = new Map<string, string>();
  for (const [path, { from }] of removed) if (from < below) lines.set(path, `removed ${shown(path)}`);
  for (const [path, entry] of tree) {
    const links = (groups.get(entry.inode) ?? []).filter((other) => other !== path).sort();
    if (entry.layer >= below) lines.set(path, entryLine(path, entry, links));
  }
  return [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

function entryLine(path: string, entry: TreeEntry, links: readonly string[]): string {
  const { type, mode, uid, gid, mtime, link, size, sha256, device, xattrs } = entry;
  return [
    type,
    ...(type === 'symlink' ? [] : [mode.toString(8).padStart(4, '0')]),
    `${uid}:${gid}`,
    shown(path),
    ...(link === undefined ? [] : ['->', shown(link)]),
    ...(size === undefined ? [] : [`${size}`, sha256?.slice(0, 16) ?? '']),
    ...(device === undefined ? [] : [device]),
    ...(mtime < OLD ? [`@${mtime}`] : []),
    ...xattrs,
    ...(links.length === 0 ? [] : ['=', ...links.map(shown)]),
  ].join(' ');
}
