// Aligned columns for lists on stdout.

/** First row is the header. Columns are separated by three blanks; the last is not padded. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => (at === columns - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}
