// Node puts the compiled code of all its built-in modules into a snapshot, 4 MB that are read and copied
// at every start, although those the program uses are in the heap already. The code comes last in the
// file (SnapshotSerializer::Write in node_snapshotable.cc): a count, then for each module a name and bytes,
// each with its length before it; lengths are 64-bit.

/** The snapshot with an empty list, or null when its end does not look like that. */
export function withoutBuiltinCode(blob: Buffer): Buffer | null {
  const start = findModuleList(blob);
  if (start === null) return null;
  return Buffer.concat([blob.subarray(0, start), Buffer.alloc(8)]);
}

function findModuleList(blob: Buffer): number | null {
  for (let at = 0; at + 8 <= blob.length; at++) {
    const count = lengthAt(blob, at);
    if (count !== null && count > 50 && count < 1000 && isModuleList(blob, at + 8, count)) return at;
  }
  return null;
}

function isModuleList(blob: Buffer, start: number, count: number): boolean {
  let at = start;
  for (let item = 0; item < count; item++) {
    const name = lengthAt(blob, at);
    if (name === null || name > 200 || !/^[\w/.-]+$/.test(blob.toString('latin1', at + 8, at + 8 + name))) return false;
    at += 8 + name;
    const code = lengthAt(blob, at);
    if (code === null) return false;
    at += 8 + code;
  }
  return at === blob.length;
}

/** Null unless that many bytes can follow. */
function lengthAt(blob: Buffer, at: number): number | null {
  if (at + 8 > blob.length || blob.readUInt32LE(at + 4) !== 0) return null;
  const length = blob.readUInt32LE(at);
  return length <= blob.length - at - 8 ? length : null;
}
