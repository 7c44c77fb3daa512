// Builds tar archives byte by byte, also ones that no honest tool would write.
import { headerChecksum, paddingOf } from '../../../src/executor/layer/tar/tar-format.ts';

export interface RawMember {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly content?: string | Buffer;
  /** Size as declared, when it is not that of the content. */
  readonly size?: number;
  readonly prefix?: string;
  readonly magic?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Written over the finished header before the checksum is made. */
  readonly patch?: (header: Buffer) => void;
  readonly checksum?: number;
}

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

export function rawMember(member: RawMember): Buffer {
  const content = Buffer.from(member.content ?? '');
  const header = Buffer.alloc(512);
  const name = Buffer.isBuffer(member.name) ? member.name : Buffer.from(member.name);
  name.copy(header, 0, 0, 100);
  header.write(octal(member.mode ?? 0o644, 7), 100);
  header.write(octal(member.uid ?? 0, 7), 108);
  header.write(octal(member.gid ?? 0, 7), 116);
  header.write(octal(member.size ?? content.length, 11), 124);
  header.write(octal(member.mtime ?? 0, 11), 136);
  header.write(member.type ?? '0', 156);
  header.write(member.link ?? '', 157, 100);
  header.write(member.magic ?? 'ustar\x0000', 257, 'latin1');
  header.write(octal(member.devMajor ?? 0, 7), 329);
  header.write(octal(member.devMinor ?? 0, 7), 337);
  header.write(member.prefix ?? '', 345, 155);
  member.patch?.(header);
  header.write(octal(member.checksum ?? headerChecksum(header, 0), 6), 148);
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))]);
}

export const paxRecord = (key: string, value: string | Buffer): Buffer => {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
};

export const paxMember = (...records: Buffer[]): Buffer => rawMember({ name: 'pax', type: 'x', content: Buffer.concat(records) });

export const rawTar = (...members: Buffer[]): Buffer => Buffer.concat([...members, Buffer.alloc(1024)]);

/** `bytes` in pieces of `size`, as a network or disk would hand them out. */
export async function* chunked(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
  return Buffer.concat(pieces);
}
