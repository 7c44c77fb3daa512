// Finds names a person may have meant: the same letters in another case, or a few typing errors away.

const MAX_NAMES = 1000;
const MAX_LENGTH = 100;

/** Up to three of `names`, nearest to `wanted` first. */
export function nearestNames(wanted: string, names: readonly string[]): readonly string[] {
  const lower = wanted.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  return names
    .slice(0, MAX_NAMES)
    .map((name) => ({ name, distance: distance(lower, name.toLowerCase(), limit) }))
    .filter((found) => found.distance <= limit)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map((found) => found.name);
}

/** Levenshtein distance, or more than `limit` when it is certain to exceed it. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit || Math.max(a.length, b.length) > MAX_LENGTH) return limit + 1;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same));
    }
    above = row;
  }
  return above[b.length] ?? limit + 1;
}
