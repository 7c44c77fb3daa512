// "Did you mean": the nearest known name by edit distance, for instructions, flags, mount keys,
// stages and build arguments (P-22).

/** Longer names are never near a typo anybody made; it also bounds the work on hostile input. */
const LONGEST = 64;

/** The closest candidate with fewer than three edits (case ignored), or null. A name is never suggested for itself. */
export function suggest(name: string, candidates: Iterable<string>): string | null {
  if (name.length > LONGEST) return null;
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let least = 3;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    // Replacing every letter is no resemblance.
    if (distance < least && distance < Math.max(wanted.length, candidate.length)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein distance with one row. */
export function editDistance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    let diagonal = row[0] ?? 0;
    row[0] = i;
    for (let j = 1; j <= b.length; j += 1) {
      const above = row[j] ?? 0;
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above + 1, (row[j - 1] ?? 0) + 1, diagonal + cost);
      diagonal = above;
    }
  }
  return row[b.length] ?? 0;
}
