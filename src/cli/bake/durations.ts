// How long targets took in earlier runs, from the files that --metadata-file wrote. --shard takes them from
// files alone: all processes of a matrix must divide alike, and each may have a store of its own.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import { usageError } from '../flags/parse-argv.ts';

/** Milliseconds, in the metadata of a target. */
export const DURATION_KEY = 'tsbuild.duration';

/** By target; of several values the longest, because a run from the cache says nothing about one without. */
export function readDurations(files: readonly string[], workingDirectory: string): ReadonlyMap<string, number> {
  const durations = new Map<string, number>();
  for (const file of files) {
    for (const [name, metadata] of Object.entries(readMetadata(file, workingDirectory))) {
      const value: unknown = typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>)[DURATION_KEY] : null;
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) durations.set(name, Math.max(value, durations.get(name) ?? 0));
    }
  }
  return durations;
}

function readMetadata(file: string, workingDirectory: string): object {
  const hint = 'it is a file that --metadata-file wrote, the same one in every shard; {} is one without durations';
  let text: string;
  try {
    text = readFileSync(resolve(workingDirectory, file), 'utf8');
  } catch (error) {
    throw usageError('bake', `--durations: cannot read ${file} (${errnoOf(error) ?? 'unknown error'})`, hint);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  } catch {
    // Said below.
  }
  throw usageError('bake', `--durations: ${file} is no JSON object`, hint);
}
