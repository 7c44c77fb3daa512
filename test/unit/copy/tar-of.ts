// Tree lines → tar bytes, for bases and archives of cases. Names may be hostile: nothing is cleaned.
import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { TreeLine } from './case-file.ts';

export const TAR_TYPES = {
  file: 'file',
  dir: 'directory',
  symlink: 'symlink',
  hardlink: 'link',
  char: 'character-device',
  block: 'block-device',
  fifo: 'fifo',
} as const;

export async function drain(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

export function tarOf(lines: readonly TreeLine[]): Promise<Buffer> {
  const tar = pack();
  for (const line of lines) {
    if (line.type === 'socket' || line.type === 'opaque' || line.type === 'whiteout') throw new Error(`${line.type} in a tar`);
    const pax = Object.fromEntries(Object.entries(line.xattrs ?? {}).map(([name, value]) => [`SCHILY.xattr.${name}`, value]));
    tar.entry(
      {
        name: line.type === 'dir' ? `${line.path}/` : line.path,
        type: TAR_TYPES[line.type],
        mode: line.mode,
        uid: line.uid,
        gid: line.gid,
        mtime: new Date(line.mtime * 1000),
        ...(line.link === undefined ? {} : { linkname: line.link }),
        ...(line.devMajor === undefined ? {} : { devmajor: line.devMajor, devminor: line.devMinor ?? 0 }),
        ...(Object.keys(pax).length === 0 ? {} : { pax }),
      },
      Buffer.from(line.content ?? '', 'latin1'),
    );
  }
  tar.finalize();
  return drain(tar as unknown as AsyncIterable<unknown>);
}

export function compress(bytes: Buffer, codec: string | undefined): Buffer {
  switch (codec) {
    case undefined:
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
    default:
      return execFileSync(codec, ['-c'], { input: bytes });
  }
}
