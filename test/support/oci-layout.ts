// Image layouts as a user finds them on disk, read without the program's own code.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** Unpacks a tar into `dir`, which it makes. */
export function unpackArchive(archive: string, dir: string): string {
  mkdirSync(dir);
  execFileSync('tar', ['-xf', archive, '-C', dir]);
  return dir;
}

export const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface FoundImage {
  readonly digest: string;
  readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
  readonly diffIds: readonly string[];
}

/** Reads an OCI layout and checks that every blob is what its name says. */
export function readLayout(dir: string): FoundImage & { readonly names: readonly (string | undefined)[] } {
  for (const hex of readdirSync(join(dir, 'blobs/sha256')))
    expect(sha256(readFileSync(join(dir, 'blobs/sha256', hex)))).toBe(`sha256:${hex}`);
  const json = (path: string) => JSON.parse(readFileSync(join(dir, path), 'utf8'));
  expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
  const blob = (digest: string): string => `blobs/sha256/${digest.slice(7)}`;
  const { manifests } = json('index.json');
  const digest = manifests[0].digest as string;
  const manifest = json(blob(digest));
  return {
    digest,
    layers: manifest.layers,
    diffIds: json(blob(manifest.config.digest)).rootfs.diff_ids,
    names: manifests.map((entry: { annotations?: Record<string, string> }) => entry.annotations?.['io.containerd.image.name']),
  };
}
