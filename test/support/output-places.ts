// Where tests of outputs put them: names in a workbench that nobody else has, and what is found there.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Workbench } from './cli.ts';
import { unpackArchive } from './oci-layout.ts';

export interface OutputPlaces {
  place(name: string): string;
  /** The directory into which the archive was unpacked. */
  untar(archive: string): string;
}

/** `bench` is asked when a place is needed: it is opened after the module was loaded. */
export function outputPlaces(bench: () => Workbench): OutputPlaces {
  let count = 0;
  const place = (name: string): string => join(bench().dir, `${++count}-${name}`);
  return { place, untar: (archive) => unpackArchive(archive, place('untar')) };
}

/** Everything below a directory, sorted. */
export const paths = (dir: string): string[] => readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
