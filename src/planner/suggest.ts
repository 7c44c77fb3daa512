// "Did you mean": the closest of the known names within BuildKit's distance (P-22).

const MAX_DISTANCE = 2;

/** Levenshtein distance, or MAX_DISTANCE + 1 as soon as it cannot be smaller. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_DISTANCE) return MAX_DISTANCE + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row) > MAX_DISTANCE) return MAX_DISTANCE + 1;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The nearest candidate, ignoring case; undefined when none is near or the name is not worth guessing. */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  // Names longer than any identifier are not typing mistakes, and the comparison is quadratic.
  if (name.length === 0 || name.length > 200) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const found = distance(wanted, candidate.toLowerCase());
    if (found < bestDistance && found < Math.max(wanted.length, candidate.length)) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}

/** Hint text for a diagnostic, as an object to spread so that the field is absent without a suggestion. */
export function didYouMean(name: string, candidates: Iterable<string>): { readonly hint?: string } {
  const found = suggest(name, candidates);
  return found === undefined ? {} : { hint: `did you mean ${found}?` };
}
