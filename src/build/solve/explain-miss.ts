// Why a step missed the cache, in one line: the first ingredient of its key that differs from the
// nearest earlier record of the same step, down to the file where files differ.
import type { BuildIndex, BuildRecord, Eviction } from '../../cache/build-index.ts';
import { type ContentKey, isDigest, parseContentKey } from '../../core/digest.ts';
import { BASE, BASE_IMAGE, differences, ORDER, REFUSED, REVISION, SECRET, SOURCE, type VertexKey } from '../../graph/cache-key.ts';
import type { Vertex } from '../../graph/vertex.ts';
import { describeChange, type FileListing, type ListingChange, unpackListing } from './file-listing.ts';
import { isExpired } from './record-age.ts';
import { type Selection, selectionsOf } from './selections.ts';

export interface Miss {
  readonly index: Pick<BuildIndex, 'listing'>;
  readonly vertex: Vertex;
  readonly now: VertexKey;
  /** Milliseconds: when the cache was asked. */
  readonly time: number;
  /** A step below had to run. */
  readonly baseRan: boolean;
  /** Earlier records of the step, newest first. */
  readonly before: readonly BuildRecord[];
  /** What became of a record of this key or this step. */
  readonly eviction: Eviction | null;
  /** Content keys of what the step reads. */
  readonly sources: readonly ContentKey[];
  listing(selection: Selection): Promise<FileListing | null>;
}

export async function explainMiss(miss: Miss): Promise<string> {
  if (miss.vertex.meta.noCache) return 'the cache is switched off for this step';
  const [nearest, ...others] = nearestOf(miss);
  if (nearest === undefined) return miss.eviction === null ? 'no earlier record of this step' : evicted(miss.eviction);
  const [first] = nearest.names;
  if (first === undefined) {
    if (isExpired(miss.vertex, nearest.record, miss.time)) return expired(miss, nearest.record);
    if (miss.eviction !== null) return evicted(miss.eviction);
    return miss.baseRan ? 'an earlier step of this stage ran' : 'the layers below, or its own layer, are no longer those of its record';
  }
  if (first === BASE) return baseChange(miss, nearest.record);
  if (first.startsWith(SOURCE)) return sourceChange(miss, [nearest, ...others], Number(first.slice(SOURCE.length)) - 1);
  return ingredientChange(first, miss.now.ingredients[first], nearest.record.ingredients[first]);
}

interface Nearest {
  readonly record: BuildRecord;
  readonly names: readonly string[];
}

/** The records that differ least and in the same ingredients, newest first. */
function nearestOf(miss: Miss): readonly Nearest[] {
  const all = miss.before.map((record) => ({ record, names: differences(miss.now.ingredients, record.ingredients) }));
  const fewest = Math.min(...all.map(({ names }) => names.length));
  const first = all.find(({ names }) => names.length === fewest);
  return all.filter(({ names }) => names.join() === first?.names.join());
}

const evicted = ({ time, by }: Eviction): string => `its record was evicted on ${new Date(time).toISOString().slice(0, 16)}Z by ${by}`;

function expired({ vertex, time }: Miss, { created }: BuildRecord): string {
  const made = `made on ${new Date(created).toISOString().slice(0, 16)}Z`;
  if (created > time) return `its record was ${made}, which is yet to come by the clock of this machine`;
  return `its record expired after ${durationText(vertex.meta.ttl ?? 0)} (${made})`;
}

const UNITS = [
  [3_600_000, 'h'],
  [60_000, 'm'],
] as const;

/** In the largest unit that fits whole; a day is 24h, as people write it. */
function durationText(milliseconds: number): string {
  if (milliseconds > 86_400_000 && milliseconds % 86_400_000 === 0) return `${milliseconds / 86_400_000}d`;
  const unit = UNITS.find(([size]) => milliseconds >= size && milliseconds % size === 0);
  return unit === undefined ? `${milliseconds / 1000}s` : `${milliseconds / unit[0]}${unit[1]}`;
}

/** An image below is named with both digests; anything else is a step that says itself why it changed. */
function baseChange(miss: Miss, record: BuildRecord): string {
  const now = miss.now.ingredients[BASE_IMAGE];
  const before = record.ingredients[BASE_IMAGE];
  if (now !== undefined && before !== undefined && now !== before) return `base image changed (${short(before)} → ${short(now)})`;
  if (now !== undefined && before === undefined) return `it now stands on the base image ${short(now)}`;
  return miss.baseRan ? 'an earlier step of this stage ran' : 'an earlier step of this stage changed';
}

const short = (image: string): string => image.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1');

/** Of several records that differ in the same source, the one whose files differ least is the nearest. */
async function sourceChange(miss: Miss, nearest: readonly Nearest[], at: number): Promise<string> {
  const selection = selectionsOf(miss.vertex)[at];
  if (selection === undefined) return 'it has fewer sources';
  const name = selection.pattern === '' ? 'what it reads' : selection.pattern;
  const keys = [...new Set(nearest.map(({ record }) => record.ingredients[`${SOURCE}${at + 1}`]))];
  if (keys[0] === undefined) return `${name} is a new source`;
  const now = await miss.listing(selection);
  let least: ListingChange | null = null;
  for (let read = 0, next = 0; now !== null && next < keys.length && read < MOST_FILES; next += 1) {
    const before = earlierListing(miss, keys[next]);
    const change = before === null ? null : describeChange(now, before);
    if (change !== null && (least === null || change.distance < least.distance)) least = change;
    read += before?.size ?? 0;
  }
  return least === null ? `${name} changed` : `${name}: ${least.text}`;
}

/** Listings can be large: once so many files were compared, what was found is enough. */
const MOST_FILES = 20_000;

function earlierListing(miss: Miss, key: string | undefined): FileListing | null {
  const packed = key !== undefined && isDigest(key) ? miss.index.listing(parseContentKey(key)) : null;
  return packed === null ? null : unpackListing(packed);
}

/** Values of variables never appear; those of flags are part of the Dockerfile or the command line. */
function ingredientChange(name: string, now: string | undefined, before: string | undefined): string {
  if (name === REFUSED) return `it was recorded where steps are refused ${before ?? 'nothing'}; here they are refused ${now ?? 'nothing'}`;
  if (name === REVISION) return 'this version of tsbuild makes other layers of such steps';
  if (now === undefined) return `${name} was removed`;
  if (before === undefined) return `${name} was added`;
  if (name.startsWith('ARG/ENV ') || name.startsWith('--mount ') || name.startsWith(SECRET) || name === 'heredoc' || name === ORDER)
    return `${name} changed`;
  // A platform without a variant.
  const shown = (text: string): string => clip(name === 'platform' ? text.replace(/\/$/, '') : text);
  return `${name} changed (${shown(before)} → ${shown(now)})`;
}

const LONGEST = 60;
function clip(text: string): string {
  if (text === '') return 'none';
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
